//! SPDX licence expressions: whether an allow list satisfies one.
//!
//! The grammar is that of SPDX annex D as crates use it: licence names, `WITH` an exception, `AND`
//! before `OR`, brackets; also the `/` of old manifests, which means `OR`. A licence with an
//! exception is allowed only by its whole name, such as `Apache-2.0 WITH LLVM-exception`.

/// Whether the expression is satisfied; `None` if it is not one.
pub(super) fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let answer = any(&mut rest, allowed)?;
    rest.is_empty().then_some(answer)
}

fn any(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut answer = all(rest, allowed)?;
    while take(rest, "OR") {
        answer |= all(rest, allowed)?;
    }
    Some(answer)
}

fn all(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut answer = one(rest, allowed)?;
    while take(rest, "AND") {
        answer &= one(rest, allowed)?;
    }
    Some(answer)
}

fn one(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    if take(rest, "(") {
        let answer = any(rest, allowed)?;
        return take(rest, ")").then_some(answer);
    }
    let name = next(rest)?;
    if take(rest, "WITH") {
        return Some(allowed(&format!("{name} WITH {}", next(rest)?)));
    }
    Some(allowed(name))
}

fn take(rest: &mut &[&str], word: &str) -> bool {
    match rest.split_first() {
        Some((first, tail)) if *first == word => {
            *rest = tail;
            true
        }
        _ => false,
    }
}

fn next<'a>(rest: &mut &[&'a str]) -> Option<&'a str> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    (!["(", ")", "AND", "OR", "WITH"].contains(first)).then_some(*first)
}

#[cfg(test)]
mod tests {
    use super::satisfied;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        let allowed = |name: &str| ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&name);
        let cases = [
            ("MIT", Some(true)),
            ("GPL-3.0", Some(false)),
            ("GPL-3.0 OR MIT", Some(true)),
            ("GPL-3.0/MIT", Some(true)),
            ("MIT AND GPL-3.0", Some(false)),
            ("MIT AND ISC", Some(true)),
            ("MIT OR GPL-3.0 AND BSD-3-Clause", Some(true)),
            ("(MIT OR GPL-3.0) AND BSD-3-Clause", Some(false)),
            ("(MIT OR GPL-3.0) AND ISC", Some(true)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("Apache-2.0", Some(false)),
            ("", None),
            ("MIT OR", None),
            ("(MIT", None),
            ("MIT ISC", None),
        ];
        for (expression, expected) in cases {
            assert_eq!(satisfied(expression, &allowed), expected, "{expression:?}");
        }
    }
}
