/** Importing this gives each test of a file a server and a command line of its own. */
import { CliFixture } from './cli.fixture.js';
import { EventServer } from './event-server.fixture.js';

export let server: EventServer;
export let cli: CliFixture;

beforeEach(async () => {
  server = await EventServer.start();
  cli = await CliFixture.open();
});

afterEach(async () => {
  await server.stop();
  await cli.close();
});
