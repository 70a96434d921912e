/** Tests that need something of the machine say loudly that they do not run, and fail under CI=true. */
export function testWhere(available: boolean, lacking: string): jest.It {
  if (available) return it;
  if (process.env.CI === 'true') throw new Error(`Under CI=true nothing is skipped: ${lacking}`);
  process.stderr.write(`NOT RUN: ${lacking}\n`);
  return it.skip as unknown as jest.It;
}
