//! The words of the form, in two languages.

use crate::reader::Language;

pub(super) struct Words {
    pub(super) language: &'static str,
    pub(super) title: &'static str,
    pub(super) token: &'static str,
    pub(super) enter: &'static str,
    pub(super) wrong: &'static str,
    pub(super) where_from: &'static str,
}

static ENGLISH: Words = Words {
    language: "en",
    title: "Event center",
    token: "Token",
    enter: "Log in",
    wrong: "That did not work:",
    where_from: "Whoever runs this event center knows the token: it is what `console.auth` of its configuration names.",
};

static CHINESE: Words = Words {
    language: "zh-CN",
    title: "事件中心",
    token: "令牌",
    enter: "登录",
    wrong: "登录失败：",
    where_from: "令牌由事件中心的管理员提供，即配置中 `console.auth` 所指定的内容。",
};

/// In this language.
pub(super) fn of(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::Chinese => &CHINESE,
    }
}
