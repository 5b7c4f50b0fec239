//! Codes, their spellings and their classes; and what an error shows.

use super::*;

fn reply(status: u16, code: &str, message: &str) -> Error {
    let body = serde_json::json!({ "errorCode": code, "errorMessage": message }).to_string();
    Error::from_reply(status, Some("5B8F"), None, body.as_bytes())
}

#[test]
fn each_code_asks_for_what_its_class_says() {
    for (status, code, message, class) in [
        (400, "MissingContentType", "", Class::Permanent),
        (400, "RequestTimeTooSkewed", "", Class::Resync),
        (400, "RequestTimeExpired", "", Class::Resync),
        (400, "PostBodyInvalid", "Protobuf content cannot be parsed.", Class::Permanent),
        (400, "PostBodyInvalid", "post data time is out of range", Class::Clamp),
        (400, "InvalidKey", "", Class::Permanent),
        (413, "PostBodyTooLarge", "Body size 10485761 must little than 10485760", Class::Split),
        (400, "PostBodyTooLarge", "", Class::Split),
        (400, "PostBodyUncompressError", "", Class::Permanent),
        (400, "ParameterInvalid", "", Class::Permanent),
        (400, "LogStoreWithoutShard", "", Class::Wait),
        (400, "ShardNotExist", "", Class::Wait),
        (401, "SignatureNotMatch", "signature abc not match.", Class::Refresh),
        (401, "Unauthorized", "AccessKeyId is unauthorized: LTAI", Class::Wait),
        (401, "Unauthorized", "The project does not belong to you.", Class::Wait),
        (401, "Unauthorized", "The security token you provided is invalid", Class::Refresh),
        (401, "Unauthorized", "The security token you provided has expired", Class::Refresh),
        (401, "Unauthorized", "AccessKeyId not found: LTAI", Class::Refresh),
        (401, "Unauthorized", "AccessKeyId is disabled: LTAI", Class::Refresh),
        (401, "Unauthorized", "Your SLS service has been forbidden.", Class::Wait),
        (401, "InvalidAccessKeyId", "", Class::Refresh),
        (401, "InvalidAccessKeyId.NotFound", "", Class::Refresh),
        (401, "SecurityTokenExpired", "", Class::Refresh),
        (401, "SecurityToken.Expired", "", Class::Refresh),
        (403, "WriteQuotaExceed", "", Class::ProjectQuota),
        (403, "ShardWriteQuotaExceed", "", Class::LogstoreQuota),
        (403, "ReadQuotaExceed", "", Class::ProjectQuota),
        (403, "ShardReadQuotaExceed", "", Class::LogstoreQuota),
        (403, "ExceedQuota", "", Class::ProjectQuota),
        (403, "MetaOperationQpsLimitExceeded", "", Class::ProjectQuota),
        (403, "ProjectForbidden", "", Class::Wait),
        (404, "ProjectNotExist", "", Class::Wait),
        (404, "ProjectNotExists", "", Class::Wait),
        (404, "LogStoreNotExist", "", Class::Wait),
        (404, "LogstoreNotExist", "", Class::Wait),
        (404, "LogstoreNotExists", "", Class::Wait),
        (405, "InvalidMethod", "", Class::Permanent),
        (411, "MissingContentLength", "", Class::Permanent),
        (415, "InvalidContentType", "", Class::Permanent),
        (499, "PostBodyInvalid", "", Class::Permanent),
        (500, "InternalServerError", "", Class::Retry),
        (500, "RequestTimeout", "", Class::Retry),
        (503, "ServerBusy", "", Class::Retry),
        (400, "InvalidSequenceId", "", Class::Done),
        // Not known here.
        (401, "SomethingNew", "", Class::Refresh),
        (403, "SomethingNew", "", Class::Wait),
        (404, "SomethingNew", "", Class::Wait),
        (429, "SomethingNew", "", Class::ProjectQuota),
        (502, "SomethingNew", "", Class::Retry),
        (400, "SomethingNew", "", Class::Permanent),
    ] {
        let error = reply(status, code, message);
        assert_eq!(error.class(), class, "{error}");
        assert_eq!(error.kind(), ErrorKind::Service);
        assert_eq!(error.code().is_none(), code == "SomethingNew", "{code}");
    }
}

#[test]
fn a_code_is_known_by_each_of_its_spellings_and_by_no_other_codes() {
    for code in Code::ALL {
        for spelling in code.spellings() {
            assert_eq!(Code::from_spelling(spelling), Some(*code));
            assert_eq!(Code::from_spelling(&spelling.to_lowercase()), Some(*code));
        }
    }
    assert_eq!(Code::from_spelling("indexconfignotexists"), Some(Code::IndexConfigNotExist));
    assert_eq!(Code::from_spelling("ServerBusys"), None);
    assert_eq!(Code::from_spelling(""), None);
}

#[test]
fn an_answer_without_a_request_id_is_not_the_services() {
    let portal = b"<html>\r\n<h1>Please log in</h1>";
    let error = Error::from_reply(200, None, None, portal);
    assert_eq!((error.kind(), error.class()), (ErrorKind::Foreign, Class::Retry));
    assert!(error.is_ambiguous());
    let shown = error.to_string();
    assert_eq!(
        shown,
        "the answer does not come from SLS: <html>\\r\\n<h1>Please log in</h1> (status=200)"
    );
}

#[test]
fn html_in_the_services_name_is_quoted_and_classed_by_its_status() {
    let long = "<html>".repeat(1000);
    let error = Error::from_reply(502, Some("5B8F"), None, long.as_bytes());
    assert_eq!((error.kind(), error.class()), (ErrorKind::Service, Class::Retry));
    assert_eq!(error.message().len(), QUOTE);
    assert_eq!(error.request_id(), Some("5B8F"));
    assert_eq!(Error::from_reply(503, Some("5B8F"), None, b"").message(), "");
}

#[test]
fn which_policy_denied_it_is_kept() {
    let body = br#"{"errorCode":"Unauthorized","errorMessage":"denied","accessDeniedDetail":{"PolicyType":"AccountLevelIdentityBasedPolicy"}}"#;
    let error = Error::from_reply(401, Some("5B8F"), None, body);
    assert_eq!(error.access_denied(), Some(r#"{"PolicyType":"AccountLevelIdentityBasedPolicy"}"#));
}

#[test]
fn an_error_is_one_line_that_a_person_can_use() {
    let error = reply(404, "LogStoreNotExist", "logstore k8s-event\ndoes not exist");
    assert_eq!(
        error.to_string(),
        "LogStoreNotExist: logstore k8s-event\\ndoes not exist (status=404, request_id=5B8F)"
    );
}

#[test]
fn what_is_missing_and_what_is_there_is_known_by_code_or_by_words() {
    for (status, code, message, missing, there) in [
        (404, "LogStoreNotExist", "", true, false),
        (404, "DashboardSomething", "", true, false),
        (400, "ParameterInvalid", "specified dashboard does not exist", true, false),
        (400, "ParameterInvalid", "specified dashboard already exists", false, true),
        (400, "SomethingNew", "job k8s-oom already exists", false, true),
        (400, "LogStoreAlreadyExist", "", false, true),
        (401, "Unauthorized", "the role does not exist", false, false),
        (400, "ParameterInvalid", "ttl", false, false),
    ] {
        let error = reply(status, code, message);
        let found = (error.is_not_found(), error.is_already_there());
        assert_eq!(found, (missing, there), "{error}");
    }
    assert!(!Error::from_reply(404, None, None, b"not exist").is_not_found());
}
