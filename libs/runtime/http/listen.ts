import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { KeymeterError } from '#domain/errors.js';
import type { Settings } from '../config/settings.js';

/** Starts listening and says where. Throws PORT_TAKEN. */
export async function listen(app: NestFastifyApplication, settings: Settings): Promise<string> {
  const { KEYMETER_PORT: port, KEYMETER_HOST: host } = settings;
  try {
    await app.listen(port, host);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new KeymeterError('PORT_TAKEN', `Port ${port} on ${host} is taken; choose another one with KEYMETER_PORT.`);
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new KeymeterError('PORT_TAKEN', `This machine has no address ${host}; set KEYMETER_HOST to one it has.`);
    }
    if (code === 'EACCES') {
      throw new KeymeterError(
        'PORT_TAKEN',
        `Port ${port} needs rights that this process lacks; choose one above 1023 with KEYMETER_PORT.`,
      );
    }
    throw cause;
  }
  return (await app.getUrl()).replace('[::1]', '127.0.0.1');
}
