/** ESM run of the TypeScript sources; decorators keep their metadata for Nest. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
      },
    ],
  },
  moduleNameMapper: {
    '^#(domain|ports|adapters|runtime|contracts|stream)/(.*)\\.js$': '<rootDir>/libs/$1/$2.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  testTimeout: 30_000,
  testSequencer: '<rootDir>/scripts/longest-first.mjs',
  // Most suites wait for processes of their own: two at a time, also where jest would take one for two processors.
  maxWorkers: Number(process.env.KEYMETER_TEST_WORKERS ?? 2),
  // A worker keeps the modules of every suite that it ran: one that has grown so much is replaced after the suite at hand.
  workerIdleMemoryLimit: '2GB',
};
