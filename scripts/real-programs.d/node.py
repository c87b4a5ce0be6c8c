"""node: buffers, maps, JSON, zlib, crypto and worker threads"""

NEEDS = {"node": "nodejs"}

SCRIPT = """
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto');
const zlib = require('zlib');

function work(seed, rounds) {
  let state = seed;
  const chance = n => { state = (state * 48271) % 2147483647; return state % n; };
  const hash = crypto.createHash('sha256');
  let kept = [];
  for (let round = 0; round < rounds; round++) {
    const map = new Map();
    for (let i = 0; i < 20000; i++) map.set('key' + chance(50000), { id: i, text: 'x'.repeat(chance(100)) });
    const text = JSON.stringify([...map].sort((a, b) => a[0] < b[0] ? -1 : 1));
    const packed = zlib.deflateSync(text, { level: 3 });
    if (zlib.inflateSync(packed).toString() !== text) throw new Error('zlib round trip');
    for (let i = 0; i < 3000; i++) {
      const buffer = Buffer.alloc(8192 + chance(60000), i & 255);
      if (i % 10 === 0) kept.push(buffer);
    }
    for (const buffer of kept) hash.update(buffer);
    if (round % 3 === 2) kept = [];
    hash.update(text);
  }
  return hash.digest('hex');
}

if (isMainThread) {
  const rounds = Number(process.argv[2]);
  console.log('main', work(1, rounds));
  let waiting = 3;
  const results = {};
  for (let n = 1; n <= 3; n++) {
    const worker = new Worker(__filename, { workerData: { seed: n + 1, rounds } });
    worker.on('message', result => { results[n] = result; });
    worker.on('error', error => { throw error; });
    worker.on('exit', () => { if (--waiting === 0) console.log(results[1], results[2], results[3]); });
  }
} else {
  parentPort.postMessage(work(workerData.seed, workerData.rounds));
}
"""


def load(run):
    run.write("load.js", SCRIPT)
    run.call(["node", "load.js", 6 * run.scale], calls=10_000)
