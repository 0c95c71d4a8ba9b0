//! [`Texts`]: what a name or an address can have in it to be on a list: patterns with `*`, parts, regular expressions.
//!
//! Parts, and of each pattern its longest piece, are all looked for at once. So what a text costs does not grow with the list, but for
//! patterns whose piece it has.

use std::collections::BTreeMap;

use regex::bytes::{RegexBuilder, RegexSet, RegexSetBuilder};

use crate::{
    connection::pattern::{Pattern, folded},
    label::needles::Needles,
};

/// How much text of patterns and parts a list may have, in bytes.
const MOST_TEXT: usize = 16 << 20;
/// How much memory its regular expressions may take together, and one of them, in bytes.
const MOST_OF_SET: usize = 64 << 20;
const MOST_OF_ONE: usize = 1 << 20;

/// What texts can be on a list, collected.
#[derive(Debug, Default)]
pub(super) struct Collected {
    patterns: Vec<String>,
    parts: Vec<String>,
    expressions: Vec<String>,
}

/// What texts are on a list.
#[derive(Debug)]
pub(super) struct Texts {
    needles: Needles,
    /// What is found where a text has one of them, by its place.
    finds: Vec<Needle>,
    expressions: RegexSet,
}

/// What is found when a piece of text is. Each piece is looked for once, whatever it is a piece of.
#[derive(Debug, Default)]
struct Needle {
    /// Whether it is all there is to find.
    is_part: bool,
    /// The patterns that it is the longest piece of.
    patterns: Vec<Pattern>,
}

impl Collected {
    /// Adds a pattern. Returns whether it was added: one that fits everything is not.
    pub(super) fn add_pattern(&mut self, text: &str) -> bool {
        let is_one = text.bytes().any(|byte| byte != b'*');
        if is_one {
            self.patterns.push(text.to_owned());
        }
        is_one
    }

    /// Adds a part of texts. Returns whether it was added: every text has the empty one.
    pub(super) fn add_part(&mut self, text: &str) -> bool {
        if !text.is_empty() {
            self.parts.push(folded(text));
        }
        !text.is_empty()
    }

    /// Adds a regular expression in any case of letters, of any script. Returns whether it was added: it may not be one, be too large, or be
    /// empty, which every text fits.
    ///
    /// Classes such as `\w` take much memory with the letters of all scripts. An expression that is too large with them is read with those of
    /// ASCII only, unless it has other letters itself.
    pub(super) fn add_expression(&mut self, text: &str) -> bool {
        let is_one =
            |text: &String| RegexBuilder::new(text).case_insensitive(true).size_limit(MOST_OF_ONE).build().is_ok();
        let of_ascii = text.is_ascii().then(|| format!("(?-u){text}"));
        let expression = [Some(text.to_owned()), of_ascii].into_iter().flatten().find(is_one);
        let expression = expression.filter(|_| !text.is_empty());
        self.expressions.extend(expression.clone());
        expression.is_some()
    }

    /// Makes it ready to be asked.
    ///
    /// # Errors
    ///
    /// It is too much.
    pub(super) fn finish(self) -> Result<Texts, String> {
        let Self { patterns, parts, expressions } = self;
        let mut pieces: BTreeMap<Box<str>, Needle> = BTreeMap::new();
        for part in parts {
            pieces.entry(part.into()).or_default().is_part = true;
        }
        for text in &patterns {
            let longest = text.split('*').max_by_key(|piece| piece.len()).unwrap_or_default();
            pieces.entry(folded(longest).into()).or_default().patterns.push(Pattern::new(text));
        }
        let (texts, finds): (Vec<Box<str>>, Vec<Needle>) = pieces.into_iter().unzip();
        if texts.iter().map(|text| text.len()).sum::<usize>() > MOST_TEXT {
            return Err(format!("its patterns are more than {} MiB of text: give fewer", MOST_TEXT >> 20));
        }
        let expressions = RegexSetBuilder::new(&expressions)
            .case_insensitive(true)
            .size_limit(MOST_OF_SET)
            .build()
            .map_err(|error| format!("its regular expressions are too many: {error}"))?;
        Ok(Texts { needles: Needles::new(texts), finds, expressions })
    }
}

impl Texts {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.needles.is_empty() && self.expressions.is_empty()
    }

    /// Whether a folded text is one of them.
    pub(super) fn have(&self, text: &str) -> bool {
        self.find(text, text)
    }

    /// The same of a name, without a dot at its end, which a part may have.
    pub(super) fn have_name(&self, name: &str) -> bool {
        self.find(&format!("{name}."), name)
    }

    /// Whether a text that has needles of `dotted` is one of them. Each pattern is tried once, however often it has its piece.
    fn find(&self, dotted: &str, text: &str) -> bool {
        let fits = |needle: usize| {
            self.finds.get(needle).is_some_and(|Needle { is_part, patterns }| {
                *is_part || patterns.iter().any(|pattern| pattern.matches(text))
            })
        };
        self.needles.any_in(dotted, fits) || self.expressions.is_match(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_parts_and_expressions_are_found_in_any_case() {
        let mut collected = Collected::default();
        assert!(collected.add_pattern("C2-*.Evil.test") && collected.add_pattern("203.0.113.*"));
        assert!(collected.add_part("DynDns") && collected.add_expression(r"^X\d+\.example$"));
        assert!(!collected.add_pattern("**") && !collected.add_part("") && !collected.add_expression("(?=a)"));
        assert!(!collected.add_expression(""));
        let texts = collected.finish().unwrap();
        for (text, is_one) in [
            ("c2-7.evil.test", true),
            ("c2-.evil.test.org", false),
            ("203.0.113.9", true),
            ("1203.0.113.9", false),
            ("my.dyndns.org", true),
            ("x12.example", true),
            ("ax12.example", false),
            ("", false),
        ] {
            assert_eq!(texts.have(text), is_one, "{text}");
        }
        let none = Collected::default().finish().unwrap();
        assert!(none.is_empty() && !none.have("") && !none.have("x"));
    }

    #[test]
    fn letters_of_any_script_are_letters_in_expressions() {
        for (expression, text, is_one) in [
            ("^bücher", "Bücher.example", true),
            ("^BÜCHER", "bücher.example", true),
            ("^b.cher", "bücher.example", true),
            ("^b[Ö-Ü]cher", "bücher.example", true),
            (r"^b\wcher", "bücher.example", true),
            ("^b[^x]cher", "bücher.example", true),
            ("ЗЛО", "зло.example", true),
            ("ΣΊΣΥΦΟΣ", "σίσυφος.example", true),
            ("^böcher", "bücher.example", false),
            (r"^b\Wcher", "bücher.example", false),
        ] {
            let mut collected = Collected::default();
            assert!(collected.add_expression(expression), "{expression}");
            assert_eq!(collected.finish().unwrap().have(&folded(text)), is_one, "{expression} {text}");
        }
    }

    #[test]
    fn an_expression_that_is_too_large_with_all_scripts_knows_ascii() {
        let mut collected = Collected::default();
        assert!(collected.add_expression(r"^\w{1,200}\.evil\.test$") && !collected.add_expression(r"^\w{1,200}ü$"));
        let texts = collected.finish().unwrap();
        assert!(texts.have("c2.evil.test") && !texts.have("c-2.evil.test"));
    }

    #[test]
    fn a_pattern_is_tried_once_however_often_a_text_has_its_piece() {
        let mut collected = Collected::default();
        assert!(collected.add_pattern("*evil*x*"));
        let texts = collected.finish().unwrap();
        let often = "evil".repeat(1 << 18);
        assert!(!texts.have(&often) && texts.have(&format!("{often}x")));
    }

    #[test]
    fn a_part_with_a_dot_at_its_end_is_in_a_name_without_and_not_in_an_address() {
        let mut collected = Collected::default();
        assert!(collected.add_part("EVIL.test.") && collected.add_part("0.113."));
        let texts = collected.finish().unwrap();
        assert!(texts.have_name("evil.test") && texts.have_name("evil.test.org") && !texts.have_name("evil.testing"));
        assert!(texts.have("203.0.113.7") && !texts.have("7.203.0.113"));
    }

    #[test]
    fn many_parts_that_start_with_others_are_read_at_once() {
        let mut collected = Collected::default();
        for number in 0..300_000 {
            collected.add_part(&format!("evil{number}"));
            collected.add_pattern(&format!("*-{number}*.x"));
        }
        let start = std::time::Instant::now();
        let texts = collected.finish().unwrap();
        assert!(texts.have("an.evil299999.test") && texts.have("a-2999990.x") && !texts.have("a-.x"));
        // It took minutes, and takes a second or two without optimisation.
        assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    }

    #[test]
    fn of_patterns_with_the_same_piece_each_is_tried() {
        let mut collected = Collected::default();
        for number in 0..100_000 {
            collected.add_pattern(&format!("a{number}-*.x.test"));
        }
        let texts = collected.finish().unwrap();
        assert!(texts.have("a0-1.x.test") && texts.have("a99999-1.x.test") && !texts.have("b0-1.x.test"));
    }
}
