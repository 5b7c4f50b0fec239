"""The official Rust producer, as a Python module, against the double: 2000 logs with each compression.

http_proxy names the double, so that hosts are looked up nowhere.
"""

import time

from aliyun_log_producer import EnqueueFullError, Producer, ProducerConfig


def send(writer, log, **more):
    while True:
        try:
            return writer.send(log, **more)
        except EnqueueFullError:
            time.sleep(0.01)


for compression in ("zstd", "lz4"):
    failures = []
    producer = Producer(ProducerConfig(
        endpoint="http://cn-hangzhou.log.aliyuncs.com", access_key_id="test-id",
        access_key_secret="test-secret", compression=compression, linger=0.02,
        batch_count_threshold=100))
    writer = producer.writer("k8s-log-c1", "k8s-event")
    for n in range(2000):
        send(writer, {"n": str(n), "message": "重启 " + "x" * (n % 50)}, topic=compression,
             on_delivery=lambda error: error and failures.append(error))
    producer.close()
    assert not failures, failures[0]
