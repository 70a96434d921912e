/** What the server answers to a change that needs a second person. */
/** Undefined where an answer to a change says that it is in force. */
export function waitingProposal(status: number, body: string): { readonly policyId: string } | undefined {
  return status === 202 ? (JSON.parse(body) as { policyId: string }) : undefined;
}

export function waitsSentence(name: string): string {
  return `${name} waits for a second person: keymeter policies approve ${name}`;
}
