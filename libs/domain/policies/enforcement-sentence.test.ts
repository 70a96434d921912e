import { callsAt, decisions, documentOf, runOf } from './documents/document-fixture.js';
import { enforcementSentence } from './enforcement-sentence.js';

test('says what was done, to whom it may apply and by which policy; of a decision in shadow, that it had no effect', () => {
  const sentenceIn = (mode: string) => {
    const [made] = decisions(runOf(documentOf({ mode })), callsAt([0, 1, 2, 3]));
    return made && enforcementSentence(made);
  };
  const rest =
    'hrottled until 1970-01-02T00:01:03.000Z to 1 uses in 60 s: "calls" was 4 and may be 3, from 1970-01-01T23:59:04.000Z to 1970-01-02T00:00:03.000Z (policy "test", version 1).';
  expect(sentenceIn('on')).toBe(`T${rest}`);
  expect(sentenceIn('shadow')).toBe(`In shadow, without effect: t${rest}`);
});
