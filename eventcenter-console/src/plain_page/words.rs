//! The words of the page, in English and 简体中文. What Kubernetes names (reasons, kinds, keys) stays as it is.

/// Every word; a language that lacks one does not compile.
pub(super) struct Words {
    pub(super) language: &'static str,
    pub(super) title: &'static str,
    pub(super) search: &'static str,
    pub(super) find: &'static str,
    pub(super) range: &'static str,
    pub(super) all_time: &'static str,
    pub(super) errors: &'static str,
    pub(super) warnings: &'static str,
    pub(super) normal: &'static str,
    pub(super) total: &'static str,
    pub(super) nothing: &'static str,
    pub(super) older: &'static str,
    pub(super) time: &'static str,
    pub(super) level: &'static str,
    pub(super) cluster: &'static str,
    pub(super) object: &'static str,
    pub(super) reason: &'static str,
    pub(super) count: &'static str,
    pub(super) message: &'static str,
    pub(super) gap: &'static str,
    pub(super) recorded: &'static str,
    pub(super) recorded_cluster: &'static str,
    pub(super) not_ready: &'static str,
    pub(super) no_cluster: &'static str,
    pub(super) status: &'static str,
    pub(super) newest: &'static str,
    pub(super) events: &'static str,
    pub(super) now: &'static str,
    pub(super) metrics: &'static str,
}

static ENGLISH: Words = Words {
    language: "en",
    title: "Event center",
    search: "Search",
    find: "Find",
    range: "Time range",
    all_time: "everything",
    errors: "Errors",
    warnings: "Warnings",
    normal: "Normal",
    total: "All",
    nothing: "Nothing matches in this time.",
    older: "Older events",
    time: "Time",
    level: "Level or fault",
    cluster: "Cluster",
    object: "Object",
    reason: "Reason",
    count: "Times",
    message: "Message",
    gap: "History may be missing.",
    recorded: "Some of this is a recording (a demo, or an import), not a live cluster.",
    recorded_cluster: "a recording",
    not_ready: "Not everything is well: the watch or the store is in trouble. /healthz says what.",
    no_cluster: "There is no cluster yet: no kubeconfig was found. It is looked for again and again. To start a small one:",
    status: "Status",
    newest: "newest event received",
    events: "events kept",
    now: "Made at",
    metrics: "Metrics",
};

static CHINESE: Words = Words {
    language: "zh-CN",
    title: "事件中心",
    search: "查询",
    find: "搜索",
    range: "时间范围",
    all_time: "全部",
    errors: "错误",
    warnings: "警告",
    normal: "正常",
    total: "合计",
    nothing: "该时间范围内没有匹配的事件。",
    older: "更早的事件",
    time: "时间",
    level: "级别或故障",
    cluster: "集群",
    object: "对象",
    reason: "原因",
    count: "次数",
    message: "内容",
    gap: "历史可能有缺失。",
    recorded: "其中部分数据来自录制（演示或导入），并非实时集群。",
    recorded_cluster: "录制数据",
    not_ready: "状态异常：监听或存储出现问题，详情见 /healthz。",
    no_cluster: "尚未连接集群：没有找到 kubeconfig，程序会不断重试。可以启动一个小型集群：",
    status: "状态",
    newest: "最近收到事件",
    events: "条事件",
    now: "生成时间",
    metrics: "指标",
};

/// The first language of the browser that there is; English if there is none.
pub(super) fn of(accept_language: Option<&str>) -> &'static Words {
    let wanted = accept_language.unwrap_or_default().split(',').map(|language| {
        let mut parts = language.split(';');
        let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok());
        (name, weight.unwrap_or(1.0))
    });
    let mut best = (&ENGLISH, 0.0);
    for (name, weight) in wanted {
        let words = match name.split('-').next() {
            Some("zh") => &CHINESE,
            Some("en") => &ENGLISH,
            _ => continue,
        };
        if weight > best.1 {
            best = (words, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_has_the_choice() {
        for (header, language) in [
            (None, "en"),
            (Some(""), "en"),
            (Some("zh-CN,zh;q=0.9,en;q=0.8"), "zh-CN"),
            (Some("en-US,en;q=0.9,zh;q=0.8"), "en"),
            (Some("de, zh-TW;q=0.5, en;q=0.4"), "zh-CN"),
            (Some("fr;q=x;;"), "en"),
        ] {
            assert_eq!(of(header).language, language, "{header:?}");
        }
    }
}
