/** Consumer groups: whoever asks how far the usage store has come asks for the consumers' commits. */
export const CONSUMER_GROUP = 'keymeter-consumer';
export const POLICY_GROUP = 'keymeter-policy';
/** Of the policy processes too, over the topic of regrouped events. */
export const REGROUPED_GROUP = 'keymeter-policy-regrouped';
