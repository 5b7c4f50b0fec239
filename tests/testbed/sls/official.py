"""The official Python client against the double of SLS: project, logstore, index, put, get, histogram, pull.

Usage: official.py HOST:PORT v1|v4. Says "ok" at the end, or fails.
"""

import sys
import time

from aliyun.log import GetLogsRequest, IndexConfig, LogClient, LogException, LogItem, PutLogsRequest
from aliyun.log import IndexKeyConfig, IndexLineConfig

PROJECT, LOGSTORE = "k8s-log-python", "k8s-event"
TOKENS = list(", '\";=()[]{}?@&<>/:\n\t\r")


def client(secret="test-secret"):
    return LogClient(f"http://{sys.argv[1]}", "test-id", secret, source="10.0.0.1",
                     auth_version=sys.argv[2], region="cn-hangzhou")


def refused(code, call, *arguments):
    try:
        call(*arguments)
    except LogException as error:
        assert error.get_error_code() == code, (code, error)
        assert error.get_request_id(), error
        return
    raise AssertionError(f"no {code}")


def main():
    sls = client()
    refused("ProjectNotExist", sls.list_logstores_ := lambda: sls.list_logstore(PROJECT))


if __name__ == "__main__":
    main()
