//! Who reads, as far as a browser says with every request: the languages that are liked, and what was kept in cookies.

use axum::http::{HeaderMap, header};

/// A language of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    English,
    /// 简体中文.
    Chinese,
}

impl Language {
    /// The tag of BCP 47.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        match tag {
            "en" => Some(Self::English),
            "zh-CN" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// Of the languages that the browser lists, the one it likes best; English if it knows neither.
    pub(crate) fn liked(headers: &HeaderMap) -> Self {
        let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
        Self::accepted(header.unwrap_or_default())
    }

    fn accepted(header: &str) -> Self {
        let mut best = (Self::English, 0.0);
        for entry in header.split(',') {
            let mut parts = entry.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            let language = match tag.split('-').next() {
                Some("zh") => Self::Chinese,
                Some("en") => Self::English,
                _ => continue,
            };
            // The first of equals is the one liked best.
            let weight = weight.unwrap_or(1.0);
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|one| one.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_a_browser_likes_best_is_spoken() {
        for (header, language) in [
            ("", Language::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en-US,en;q=0.9,zh;q=0.8", Language::English),
            ("de-DE,de;q=0.9,zh;q=0.5,en;q=0.4", Language::Chinese),
            ("de, zh-TW;q=0.5, en;q=0.4", Language::Chinese),
            ("ZH-cn", Language::Chinese),
            ("zh;q=0,en", Language::English),
            ("fr", Language::English),
            ("fr;q=x;;", Language::English),
            (";;;q=x,zh", Language::Chinese),
        ] {
            assert_eq!(Language::accepted(header), language, "{header:?}");
        }
        assert_eq!(Language::liked(&HeaderMap::new()), Language::English);
    }
}
