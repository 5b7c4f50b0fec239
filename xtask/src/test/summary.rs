//! The sum over the `test result:` lines of all test programs.

use std::fmt;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Summary {
    /// Reads a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
    pub(super) fn read(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result:") else { return };
        let words: Vec<&str> =
            counts.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let [count, what] = pair else { continue };
            let Ok(count) = count.parse::<usize>() else { continue };
            match *what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }

    /// Counts tests as skipped that returned early, which the test harness calls passed.
    pub(super) fn skip(&mut self, count: usize) {
        self.passed = self.passed.saturating_sub(count);
        self.skipped += count;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        write!(f, "{passed} passed, {failed} failed")?;
        if *skipped > 0 {
            write!(f, ", {skipped} skipped")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(lines: &[&str]) -> String {
        let mut summary = Summary::default();
        for line in lines {
            summary.read(line);
        }
        summary.to_string()
    }

    #[test]
    fn results_add_up() {
        let lines = [
            "running 3 tests",
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.20s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ];
        assert_eq!(sum(&lines), "13 passed, 2 failed");
    }

    #[test]
    fn ignored_tests_are_skipped_ones() {
        let line = "test result: \u{1b}[32mok\u{1b}[0m. 3 passed; 0 failed; 4 ignored; 0 measured";
        assert_eq!(sum(&[line]), "3 passed, 0 failed, 4 skipped");
    }

    #[test]
    fn an_early_return_is_not_a_pass() {
        let mut summary = Summary { passed: 5, failed: 0, skipped: 1 };
        summary.skip(2);
        assert_eq!(summary.to_string(), "3 passed, 0 failed, 3 skipped");
    }
}
