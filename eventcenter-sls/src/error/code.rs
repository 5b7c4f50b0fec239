//! The service's codes, all their spellings, and what each asks for.

use super::Class;

/// Makes the enum and the way from text to it.
macro_rules! codes {
    ($($name:ident = $($spelling:literal)|+, $about:literal;)+) => {
        /// A code of the service. What is not here is `None`, with its text in [`Error::spelling`](super::Error::spelling).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $about] $name,)+
        }

        impl Code {
            /// Every code that is known here.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The spellings that were seen, the newest first.
            pub fn spellings(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[$($spelling),+],)+
                }
            }
        }
    };
}

codes! {
    // Requests.
    Unauthorized = "Unauthorized", "The access key may not do this, or is unknown, disabled or expired: see the message.";
    InvalidAccessKeyId = "InvalidAccessKeyId" | "InvalidAccessKeyId.NotFound", "There is no such access key, or the service was never opened.";
    MissingAccessKeyId = "MissAccessKeyId" | "MissingAccessKeyId", "The request is not signed.";
    SecurityTokenExpired = "SecurityTokenExpired" | "SecurityToken.Expired", "The temporary key has expired.";
    InvalidSecurityToken = "InvalidSecurityToken" | "SecurityTokenInvalid", "The temporary key's token is not one.";
    SignatureNotMatch = "SignatureNotMatch", "The signature is not what the service computes.";
    RequestTimeExpired = "RequestTimeExpired" | "RequestTimeTooSkewed", "The request was signed more than 15 minutes off the service's clock.";
    InvalidRequestTime = "InvalidRequestTime", "The time of the request cannot be read.";
    InvalidDateFormat = "InvalidDateFormat", "The header Date cannot be read.";
    MissingDate = "MissingDate", "The header Date is missing.";
    MissingHost = "MissingHost", "The header Host is missing.";
    InvalidHost = "InvalidHost", "The header Host names no project.";
    MissingApiVersion = "MissingAPIVersion", "The header x-log-apiversion is missing.";
    InvalidApiVersion = "InvalidAPIVersion", "There is no such version.";
    MissingSignatureMethod = "MissingSignatureMethod", "The header x-log-signaturemethod is missing.";
    InvalidSignatureMethod = "InvalidSignatureMethod", "There is no such way to sign.";
    MissingContentType = "MissingContentType", "The header Content-Type is missing.";
    InvalidContentType = "InvalidContentType", "There is no such type of a body.";
    MissingContentLength = "MissingContentLength", "The header Content-Length is missing.";
    MissingBodyRawSize = "MissingBodyRawSize", "The header x-log-bodyrawsize is missing.";
    InvalidBodyRawSize = "InvalidBodyRawSize", "The header x-log-bodyrawsize is no size.";
    InvalidCompressType = "InvalidCompressType", "There is no such compression.";
    InvalidMethod = "InvalidMethod", "There is no such method at this path.";
    BadRequest = "BadRequest", "The request cannot be understood.";
    ParameterInvalid = "ParameterInvalid" | "InvalidParameter", "A parameter is wrong; also a syntax error in SQL.";

    // Logs.
    PostBodyInvalid = "PostBodyInvalid", "The logs cannot be decoded, or their time is out of range.";
    PostBodyTooLarge = "PostBodyTooLarge", "The logs are larger than 10 MiB.";
    PostBodyUncompressError = "PostBodyUncompressError", "The body does not decompress to its stated size.";
    InvalidTimestamp = "InvalidTimestamp", "A log's time is wrong.";
    InvalidKey = "InvalidKey", "A log's key is wrong.";
    InvalidEncoding = "InvalidEncoding", "A log's text is not UTF-8.";
    InvalidSequenceId = "InvalidSequenceId", "A batch of this number was taken already.";

    // Quotas.
    WriteQuotaExceed = "WriteQuotaExceed", "The project's writes exceed its quota.";
    ShardWriteQuotaExceed = "ShardWriteQuotaExceed", "A shard's writes exceed what it takes.";
    ReadQuotaExceed = "ReadQuotaExceed", "The project's reads exceed its quota.";
    ShardReadQuotaExceed = "ShardReadQuotaExceed", "A shard's reads exceed what it gives.";
    ExceedQuota = "ExceedQuota", "Some quota is exceeded.";
    MetaOperationQpsLimitExceeded = "MetaOperationQpsLimitExceeded", "Too many changes of settings a second.";
    ProjectQuotaExceed = "ProjectQuotaExceed", "There may be no more objects of this kind.";

    // What is there, and what is not.
    ProjectNotExist = "ProjectNotExist" | "ProjectNotExists", "There is no such project, or not yet.";
    ProjectAlreadyExist = "ProjectAlreadyExist" | "ProjectAlreadyExists", "There is such a project, of this account or another's.";
    ProjectForbidden = "ProjectForbidden", "The project is disabled, for bills that are not paid.";
    LogstoreNotExist = "LogStoreNotExist" | "LogStoreNotExists", "There is no such logstore, or not yet.";
    LogstoreAlreadyExist = "LogStoreAlreadyExist" | "LogStoreAlreadyExists", "There is such a logstore.";
    LogstoreInfoInvalid = "LogStoreInfoInvalid", "These settings make no logstore.";
    LogstoreWithoutShard = "LogStoreWithoutShard", "The logstore has no shard, or not yet.";
    ShardNotExist = "ShardNotExist" | "ShardNotExists", "There is no such shard.";
    IndexConfigNotExist = "IndexConfigNotExist" | "IndexNotExist", "The logstore has no index.";
    IndexAlreadyExist = "IndexAlreadyExist" | "IndexAlreadyExists", "The logstore has an index.";
    IndexInfoInvalid = "IndexInfoInvalid", "These settings make no index.";
    ConsumerGroupNotExist = "ConsumerGroupNotExist", "There is no such consumer group.";
    ConsumerGroupAlreadyExist = "ConsumerGroupAlreadyExist" | "ConsumerGroupAlreadyExists", "There is such a consumer group.";
    ConsumerNotExist = "ConsumerNotExist", "The group does not know this consumer.";
    NotExistConsumerWithBody = "NotExistConsumerWithBody", "A consumer's first heartbeat must hold no shards.";
    InvalidShardCheckPoint = "InvalidShardCheckPoint", "The checkpoint is not this consumer's to write.";
    JsonInfoInvalid = "JsonInfoInvalid", "The JSON of the request is not what is wanted.";
    DashboardNotExist = "DashboardNotExist", "There is no such dashboard.";
    DashboardAlreadyExist = "DashboardAlreadyExist" | "DashboardAlreadyExists", "There is such a dashboard.";
    SavedSearchNotExist = "SavedSearchNotExist", "There is no such saved search.";
    SavedSearchAlreadyExist = "SavedSearchAlreadyExist" | "SavedSearchAlreadyExists", "There is such a saved search.";
    JobNotExist = "JobNotExist", "There is no such job or alert.";
    JobAlreadyExist = "JobAlreadyExist" | "JobAlreadyExists", "There is such a job or alert.";
    ConfigNotExist = "ConfigNotExist", "There is no such Logtail configuration.";
    ConfigAlreadyExist = "ConfigAlreadyExist" | "ConfigAlreadyExists", "There is such a Logtail configuration.";
    MachineGroupNotExist = "MachineGroupNotExist" | "GroupNotExist", "There is no such machine group.";
    MachineGroupAlreadyExist = "MachineGroupAlreadyExist" | "GroupAlreadyExist", "There is such a machine group.";

    // Queries.
    InvalidTimeRange = "InvalidTimeRange", "The time range of a query is wrong.";
    InvalidQueryString = "InvalidQueryString", "The statement of a query is wrong.";
    InvalidLine = "InvalidLine", "A query may ask for 0 to 100 lines.";
    InvalidOffset = "InvalidOffset", "The offset of a query is wrong.";
    InvalidReverse = "InvalidReverse", "The order of a query is wrong.";
    InvalidCursor = "InvalidCursor", "The cursor is not one of this shard.";

    // The service itself.
    InternalServerError = "InternalServerError", "The service failed.";
    RequestTimeout = "RequestTimeout", "The service did not do it in time.";
    ServerBusy = "ServerBusy", "The service is busy.";
}

impl Code {
    /// The code of this spelling, whatever its case; `…NotExists` is `…NotExist`.
    pub fn from_spelling(text: &str) -> Option<Self> {
        let is = |spelling: &&str| {
            text.eq_ignore_ascii_case(spelling)
                || text.strip_suffix(['s', 'S']).is_some_and(|text| {
                    spelling.ends_with("Exist") && text.eq_ignore_ascii_case(spelling)
                })
        };
        Self::ALL.iter().copied().find(|code| code.spellings().iter().any(is))
    }

    /// Whether something that was asked for is not there.
    pub fn is_missing(self) -> bool {
        matches!(
            self,
            Self::ProjectNotExist
                | Self::LogstoreNotExist
                | Self::ShardNotExist
                | Self::IndexConfigNotExist
                | Self::ConsumerGroupNotExist
                | Self::ConsumerNotExist
                | Self::DashboardNotExist
                | Self::SavedSearchNotExist
                | Self::JobNotExist
                | Self::ConfigNotExist
                | Self::MachineGroupNotExist
        )
    }

    /// Whether something that was to be made is there already.
    pub fn is_existing(self) -> bool {
        matches!(
            self,
            Self::ProjectAlreadyExist
                | Self::LogstoreAlreadyExist
                | Self::IndexAlreadyExist
                | Self::ConsumerGroupAlreadyExist
                | Self::DashboardAlreadyExist
                | Self::SavedSearchAlreadyExist
                | Self::JobAlreadyExist
                | Self::ConfigAlreadyExist
                | Self::MachineGroupAlreadyExist
        )
    }
}

/// What a reply asks for.
pub(super) fn class(status: u16, code: Option<Code>, message: &str) -> Class {
    let Some(code) = code else { return class_of_status(status) };
    match code {
        Code::Unauthorized => unauthorized(message),
        Code::InvalidAccessKeyId
        | Code::SecurityTokenExpired
        | Code::InvalidSecurityToken
        | Code::SignatureNotMatch => Class::Refresh,
        Code::RequestTimeExpired => Class::Resync,
        Code::PostBodyTooLarge => Class::Split,
        Code::PostBodyInvalid if says(message, "out of range") => Class::Clamp,
        Code::InvalidSequenceId => Class::Done,
        Code::WriteQuotaExceed
        | Code::ReadQuotaExceed
        | Code::ExceedQuota
        | Code::MetaOperationQpsLimitExceeded => Class::ProjectQuota,
        Code::ShardWriteQuotaExceed | Code::ShardReadQuotaExceed => Class::LogstoreQuota,
        Code::ProjectNotExist
        | Code::ProjectForbidden
        | Code::LogstoreNotExist
        | Code::LogstoreWithoutShard
        | Code::ShardNotExist => Class::Wait,
        Code::InternalServerError | Code::RequestTimeout | Code::ServerBusy => Class::Retry,
        _ => Class::Permanent,
    }
}

/// The one code that tells five stories.
fn unauthorized(message: &str) -> Class {
    let about_the_key = ["security token", "securitytoken", "not found", "is disabled", "expired"];
    if about_the_key.iter().any(|words| says(message, words)) {
        Class::Refresh
    } else {
        // The policy does not allow it, the project is another's, or the bills are not paid.
        Class::Wait
    }
}

/// A code that is not known here goes by the status.
fn class_of_status(status: u16) -> Class {
    match status {
        401 => Class::Refresh,
        // Some policy. What was to be written is kept until a person has looked.
        403 | 404 => Class::Wait,
        408 | 500.. => Class::Retry,
        413 => Class::Split,
        429 => Class::ProjectQuota,
        _ => Class::Permanent,
    }
}

fn says(message: &str, words: &str) -> bool {
    message.to_ascii_lowercase().contains(words)
}
