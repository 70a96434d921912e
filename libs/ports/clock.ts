/** The only source of time: domain code takes numbers, services take a Clock, tests take ManualClock. */
export abstract class Clock {
  /** Wall clock, epoch milliseconds. May jump: use for event times and calendar windows only. */
  abstract now(): number;
  /** Milliseconds since an arbitrary start; never goes back. Use for leases, deadlines and durations. */
  abstract monotonic(): number;
}
