/** Switches of the faults, on a port of their own: `POST /faults`, `GET /seen`, `DELETE /`. */
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

export async function startControl(faults, port) {
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') faults.plan(await json(request));
    if (request.method === 'DELETE') faults.clear();
    response.end(JSON.stringify({ left: faults.left, seen: request.url === '/seen' ? faults.seen : undefined }));
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port: server.address().port, close };
}
