// work.js -- what Node programs do all day; argument: how many rounds.
'use strict';
const crypto = require('crypto');
const zlib = require('zlib');
const { Worker, isMainThread, workerData, parentPort } = require('worker_threads');

let state = 1;
function chance(below) {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return (state >>> 16) % below;
}

function work(rounds, digest) {
  let kept = [];
  for (let round = 0; round < rounds; round++) {
    const objects = [];
    for (let i = 0; i < 5000; i++) {
      objects.push({ i, name: 'n' + chance(1000), tags: [chance(10), String(chance(10))] });
    }
    const text = JSON.stringify(objects);
    digest.update(JSON.parse(text).map((o) => o.name).sort().join(''));
    for (let i = 0; i < 300; i++) {
      const buffer = Buffer.alloc(1 + chance(1 << chance(17)), i & 255);
      if (i % 10 === 0) {
        kept.push(buffer);
      }
      digest.update(buffer.subarray(0, 100));
    }
    kept = kept.slice(-100);
    digest.update(zlib.gunzipSync(zlib.gzipSync(text)));
    digest.update(zlib.inflateSync(zlib.deflateSync(Buffer.concat(kept))));
    digest.update(text.replace(/n(\d)(\d*)/g, '$2$1').slice(0, 10000));
  }
}

if (isMainThread) {
  const rounds = Number(process.argv[2]);
  const digest = crypto.createHash('sha256');
  work(rounds, digest);
  const workers = [1, 2, 3, 4].map((seed) => new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: { seed, rounds } });
    worker.on('message', resolve);
    worker.on('error', reject);
  }));
  Promise.all(workers).then((digests) => {
    digest.update(digests.join(''));
    console.log(digest.digest('hex'));
  });
} else {
  state = workerData.seed;
  const digest = crypto.createHash('sha256');
  work(workerData.rounds, digest);
  parentPort.postMessage(digest.digest('hex'));
}
