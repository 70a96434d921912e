/** The part of a document that decides, compiled: condition, stages, exceptions and ladder. */
import { storedCondition } from '../../conditions/stored-condition.js';
import type { PlacedEvent } from '../../events/usage-event.js';
import { isHistory } from '../decision.js';
import { durationMs } from '../duration.js';
import { type Comparison, comparisonsOf } from './comparison.js';
import { exceptionTest } from './exceptions.js';
import { type LadderShape, nextStage, type Rung } from './ladder.js';
import type { PolicyDocument } from './policy-document.js';
import { type WhenScope, whenVariables } from './when-variables.js';

type Holds = (scope: WhenScope) => boolean;

export class DecisionRules {
  readonly ladder: LadderShape;
  /** A stage has a condition of its own: it may be reached while another one holds. */
  readonly climbs: boolean;
  readonly isOver: Holds;
  readonly isExcepted: (event: PlacedEvent, subject: string) => boolean;
  readonly #stageWhens: readonly (Holds | undefined)[];
  readonly #comparisons: readonly Comparison[];

  /** `names`: of the measures, in the order of their numbers. */
  constructor(
    private readonly document: PolicyDocument,
    private readonly names: readonly string[],
  ) {
    const { when, then, except, decay, coolDown } = document;
    const compiled = this.#compiled(when);
    this.isOver = compiled.holds;
    this.#comparisons = comparisonsOf(compiled.tree, names);
    this.#stageWhens = then.map((stage) => (stage.when === undefined ? undefined : this.#compiled(stage.when).holds));
    this.climbs = this.#stageWhens.some((it) => it !== undefined);
    this.isExcepted = exceptionTest(except);
    this.ladder = { stages: then.length, decayMs: durationMs(decay), coolDownMs: durationMs(coolDown) };
  }

  /** The stage to take at `time`; undefined where the subject is on it already, or on none. */
  stage(scope: WhenScope, time: number, rung: Rung | undefined, isHeld: boolean): number | undefined {
    let stage = isHeld && rung ? rung.stage : nextStage(rung, time, this.ladder);
    if (!isHeld) while (stage >= 0 && this.#stageWhens[stage]?.(scope) === false) stage--;
    if (stage < 0) return undefined;
    while (this.#stageWhens[stage + 1]?.(scope)) stage++;
    return isHeld && stage === rung?.stage ? undefined : stage;
  }

  /** No permanent action is taken from history unasked. */
  mayTake(stage: number, event: PlacedEvent): boolean {
    return this.document.then[stage]?.action !== 'revoke' || this.document.appliesToLate || !isHistory(event);
  }

  /** The first comparison that holds: what a person would name as the reason. */
  reason(scope: WhenScope): { name: string; value: number; threshold: number } {
    const crossed = this.#comparisons.find(({ holds }) => holds(scope) === true);
    if (crossed === undefined) return { name: this.names[0] ?? '', value: scope.measure(0), threshold: 0 };
    return { name: crossed.name, value: scope.measure(crossed.number), threshold: Number(crossed.threshold(scope)) };
  }

  #compiled(text: string) {
    return storedCondition(text, whenVariables(this.names));
  }
}
