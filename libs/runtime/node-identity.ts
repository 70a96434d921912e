/** Which node this process is: part of the source of every event it writes. */
export class NodeIdentity {
  constructor(readonly nodeId: string) {}
}
