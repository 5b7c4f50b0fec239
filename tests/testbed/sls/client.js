// The official client for Node.js against the double: project, logstore, index, put, get, histogram.
//
// It knows no proxy, so that every name is made to be that of this machine, and the port is the proxy's.

'use strict';

const assert = require('assert');
const dns = require('dns');

dns.lookup = (host, options, done) => {
  const all = typeof options === 'object' && options.all;
  const answer = typeof options === 'function' ? options : done;
  if (all) answer(null, [{ address: '127.0.0.1', family: 4 }]);
  else answer(null, '127.0.0.1', 4);
};

const Client = require('@alicloud/log');

const PROJECT = 'k8s-log-node';
const LOGSTORE = 'k8s-event';
const refused = code => error => error.code === code && error.requestid.length === 24;

async function main() {
  const endpoint = 'cn-hangzhou.log.aliyuncs.com:' + new URL(process.env.HTTP_PROXY).port;
  const key = { accessKeyId: 'test-id', accessKeySecret: 'test-secret' };
  const sls = new Client({ ...key, endpoint });
  const other = new Client({ ...key, accessKeySecret: 'another', endpoint });
  await assert.rejects(sls.getProject(PROJECT), refused('ProjectNotExist'));
  await assert.rejects(other.getProject(PROJECT), refused('SignatureNotMatch'));
  await sls.createProject(PROJECT, { description: '事件' });
  await assert.rejects(sls.createProject(PROJECT, {}), refused('ProjectAlreadyExist'));
  assert.strictEqual((await sls.getProject(PROJECT)).description, '事件');
  await sls.createLogStore(PROJECT, LOGSTORE, { ttl: 10, shardCount: 2 });
  await sls.updateLogStore(PROJECT, LOGSTORE, { ttl: 20, shardCount: 2 });
  assert.strictEqual((await sls.getLogStore(PROJECT, LOGSTORE)).ttl, 20);
  assert.deepStrictEqual((await sls.listLogStore(PROJECT)).logstores, [LOGSTORE]);
  const level = { caseSensitive: false, token: [' '], type: 'text' };
  await sls.createIndex(PROJECT, LOGSTORE, { ttl: 20, keys: { level } });
  assert.deepStrictEqual((await sls.getIndexConfig(PROJECT, LOGSTORE)).keys.level, level);

  const now = Math.floor(Date.now() / 1000);
  await sls.postLogStoreLogs(PROJECT, LOGSTORE, {
    logs: [{ timestamp: now, content: { level: 'Warning', message: '重启' } }],
    topic: 'k8s', source: '10.0.0.1', tags: [{ cluster: 'c1' }],
  });
  const [from, to] = [now - 100, now + 100].map(second => new Date(second * 1000));
  const found = await sls.getLogs(PROJECT, LOGSTORE, from, to, { query: 'level: warning' });
  assert.strictEqual(found[0].message, '重启');
  assert.strictEqual(found[0].__topic__, 'k8s');
  const parts = await sls.getHistograms(PROJECT, LOGSTORE, from, to);
  assert.strictEqual(parts.reduce((sum, part) => sum + part.count, 0), 1);
}

main().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
