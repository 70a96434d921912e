import { ManualClock } from '#adapters/clock/manual-clock.js';
import { KeymeterError } from '#domain/errors.js';
import { CircuitBreaker } from './circuit-breaker.js';

const away = () => Promise.reject(new KeymeterError('STORE_UNAVAILABLE', 'away', { retryable: true }));

describe('circuit breaker', () => {
  const clock = new ManualClock();
  let asked = 0;
  const ask = (outcome: () => Promise<unknown>) => () => {
    asked++;
    return outcome();
  };
  const opened = async () => {
    const breaker = new CircuitBreaker(clock, { failures: 2, firstPauseMs: 100, maxPauseMs: 400 }, () => 1);
    for (let n = 0; n < 2; n++) await expect(breaker.run(ask(away))).rejects.toThrow('away');
    asked = 0;
    return breaker;
  };

  test('after some failures in a row nobody asks until the pause is over', async () => {
    const breaker = await opened();
    expect(breaker.open).toBe(true);
    clock.advance(99);
    await expect(breaker.run(ask(async () => 'well'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(asked).toBe(0);
    clock.advance(1);
    expect(await breaker.run(ask(async () => 'well'))).toBe('well');
    expect(breaker.open).toBe(false);
  });

  test('one of many callers tries, the others are refused meanwhile', async () => {
    const breaker = await opened();
    clock.advance(100);
    let answer: (text: string) => void = () => undefined;
    const slow = () => new Promise<unknown>((resolve) => (answer = resolve));
    const probe = breaker.run(ask(slow));
    const others = await Promise.allSettled(Array.from({ length: 50 }, () => breaker.run(ask(slow))));
    expect(others.every(({ status }) => status === 'rejected')).toBe(true);
    expect(asked).toBe(1);
    answer('well');
    expect(await probe).toBe('well');
    expect(await breaker.run(ask(async () => 'again'))).toBe('again');
  });

  test('the pause doubles with every try that fails, up to a limit', async () => {
    const breaker = await opened();
    for (const pause of [100, 200, 400, 400]) {
      clock.advance(pause - 1);
      await expect(breaker.run(ask(away))).rejects.toThrow('asked again soon');
      clock.advance(1);
      await expect(breaker.run(ask(away))).rejects.toThrow('away');
    }
    expect(asked).toBe(4);
  });

  test('pauses of two nodes differ', async () => {
    const pauseOf = async (random: number) => {
      const breaker = new CircuitBreaker(clock, { failures: 1, firstPauseMs: 100 }, () => random);
      await expect(breaker.run(away)).rejects.toThrow('away');
      for (let ms = 0; ; ms++) {
        if ((await breaker.run(async () => 'well').catch(() => 'refused')) === 'well') return ms;
        clock.advance(1);
      }
    };
    expect([await pauseOf(0), await pauseOf(0.5), await pauseOf(1)]).toEqual([50, 75, 100]);
  });

  test('an error that is no outage opens nothing', async () => {
    const breaker = new CircuitBreaker(clock, { failures: 1 });
    for (let n = 0; n < 3; n++) {
      await expect(breaker.run(() => Promise.reject(new KeymeterError('STORE_REFUSED', 'no')))).rejects.toThrow('no');
    }
    expect(breaker.open).toBe(false);
  });
});
