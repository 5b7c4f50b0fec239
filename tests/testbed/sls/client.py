"""The official Python client against the double: project, logstore, index, put, get, histogram, pull, and objects.

client.py v1|v4. http_proxy names the double, so that hosts are looked up nowhere.
"""

import sys
import time

from aliyun.log import (GetHistogramsRequest, GetLogsRequest, IndexConfig, IndexKeyConfig,
                        IndexLineConfig, LogClient, LogException, LogItem, PutLogsRequest)

AUTH = sys.argv[1]
PROJECT, LOGSTORE = "k8s-log-" + AUTH, "k8s-event"


def client(secret="test-secret"):
    return LogClient("http://cn-hangzhou.log.aliyuncs.com", "test-id", secret, source="10.0.0.1",
                     auth_version=AUTH, region="cn-hangzhou")


def refused(code, call, *arguments):
    try:
        call(*arguments)
    except LogException as error:
        assert error.get_error_code() == code, (code, str(error))
        assert len(error.get_request_id()) == 24, str(error)
        return
    raise AssertionError("no " + code)


def make(sls):
    refused("ProjectNotExist", sls.get_project, PROJECT)
    refused("SignatureNotMatch", client("another-secret").get_project, PROJECT)
    sls.create_project(PROJECT, "events 事件")
    refused("ProjectAlreadyExist", sls.create_project, PROJECT, "again")
    assert sls.get_project(PROJECT).get_description() == "events 事件"
    assert PROJECT in [project["projectName"] for project in sls.list_project().get_projects()]
    refused("LogStoreNotExist", sls.get_logstore, PROJECT, LOGSTORE)
    sls.create_logstore(PROJECT, LOGSTORE, ttl=90, shard_count=2)
    refused("LogStoreAlreadyExist", sls.create_logstore, PROJECT, LOGSTORE)
    sls.update_logstore(PROJECT, LOGSTORE, ttl=30)
    assert sls.get_logstore(PROJECT, LOGSTORE).get_ttl() == 30
    assert sls.list_logstore(PROJECT).get_logstores() == [LOGSTORE]
    refused("IndexConfigNotExist", sls.get_index_config, PROJECT, LOGSTORE)
    line = IndexLineConfig(list(", '\";=()[]{}?@&<>/:\n\t\r"), False, None, None, True)
    keys = {"level": IndexKeyConfig([" "], False), "n": IndexKeyConfig(index_type="long")}
    index = IndexConfig(30, line, keys)
    sls.create_index(PROJECT, LOGSTORE, index)
    refused("IndexAlreadyExist", sls.create_index, PROJECT, LOGSTORE, index)
    found = sls.get_index_config(PROJECT, LOGSTORE).get_index_config().to_json()
    assert found["keys"]["n"]["type"] == "long", found


def put(sls, now):
    def item(n):
        level = "Warning" if n % 2 else "Normal"
        return LogItem(now - n, contents=[("level", level), ("n", str(n)), ("message", "重启")])

    items = [item(n) for n in range(10)]
    for compress in (True, False):
        sls.put_logs(PutLogsRequest(PROJECT, LOGSTORE, "k8s", "10.0.0.1", items, compress=compress,
                                    logtags=[("cluster", "c1")]))
    sls.put_logs(PutLogsRequest(PROJECT, LOGSTORE, "k8s", "10.0.0.1", [item(10)], hashKey="f" * 32))
    late = LogItem(now - 8 * 24 * 3600, contents=[("n", "0")])
    refused("PostBodyInvalid", sls.put_logs,
            PutLogsRequest(PROJECT, LOGSTORE, "k8s", "10.0.0.1", [late]))


def get(sls, now):
    query = GetLogsRequest(PROJECT, LOGSTORE, now - 100, now + 1, "k8s",
                           "level: Warning and n > 3 and 重启", line=5, reverse=True)
    found = sls.get_logs(query)
    assert found.is_completed() and found.get_count() == 5, found.get_count()
    first = found.get_logs()[0]
    assert first.get_contents()["n"] == "5" and first.get_source() == "10.0.0.1"
    assert first.get_contents()["__tag__:cluster"] == "c1"
    count = sls.get_histograms(GetHistogramsRequest(PROJECT, LOGSTORE, now - 100, now + 1, "", ""))
    assert count.get_total_count() == 21
    pulled = 0
    for shard in sls.list_shards(PROJECT, LOGSTORE).get_shards_info():
        place = (PROJECT, LOGSTORE, shard["shardID"])
        cursor = sls.get_cursor(*place, "begin").get_cursor()
        while True:
            part = sls.pull_logs(*place, cursor, 1)
            pulled += part.get_log_count()
            if part.get_next_cursor() == cursor:
                break
            cursor = part.get_next_cursor()
        assert cursor == sls.get_cursor(*place, "end").get_cursor()
    assert pulled == 21, pulled


def manage(sls):
    sls.create_consumer_group(PROJECT, LOGSTORE, "group", 60, True)
    assert sls.heart_beat(PROJECT, LOGSTORE, "group", "me", []).get_shards() == [0, 1]
    assert sls.heart_beat(PROJECT, LOGSTORE, "group", "me", [0, 1]).get_shards() == [0, 1]
    sls.update_check_point(PROJECT, LOGSTORE, "group", 0, "MA==", "me", False)
    points = sls.get_check_point(PROJECT, LOGSTORE, "group").get_consumer_group_check_points()
    assert points[0]["checkpoint"] == "MA==", points
    sls.create_dashboard(PROJECT, {"dashboardName": "board", "charts": [{"new": 1}]})
    assert sls.get_dashboard(PROJECT, "board").body["charts"] == [{"new": 1}]
    sls.create_savedsearch(PROJECT, {"savedsearchName": "search", "logstore": LOGSTORE,
                                     "searchQuery": "*", "topic": "", "displayName": ""})
    assert sls.list_savedsearch(PROJECT).get_savedsearches() == ["search"]
    sls.create_alert(PROJECT, {"name": "alert", "type": "Alert", "displayName": "",
                               "configuration": {}, "schedule": {"type": "FixedRate"}})
    sls.disable_alert(PROJECT, "alert")
    assert sls.get_alert(PROJECT, "alert").body["status"] == "DISABLED"
    sls.delete_alert(PROJECT, "alert")
    refused("JobNotExist", sls.get_alert, PROJECT, "alert")


def main():
    sls, now = client(), int(time.time())
    make(sls)
    put(sls, now)
    get(sls, now)
    manage(sls)


main()
