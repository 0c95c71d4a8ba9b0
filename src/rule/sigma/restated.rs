//! A rule restated: said so that the evaluating crate takes it for what the Sigma specification says.
//!
//! The crate (0.23) differs from it where a value has wildcards: these do not match line breaks, and the ends of `startswith` and
//! `endswith` are swapped. It folds the case of letters outside ASCII word by word, takes a number among keywords for no text, compares
//! all of several keywords with the same field, and knows one of the three places of `base64offset`. A value of null in a list does not
//! count there where the field is missing, nor does `neq`; `windash` takes no `/`, and parts of a time are read in RFC 3339 alone.
//! What it would take for nothing without a word is refused.
//!
//! Source of what is right: <https://sigmahq.io/sigma-specification/specification/sigma-appendix-modifiers.html>, and pySigma where
//! that is silent.

use base64::{Engine, engine::general_purpose::STANDARD};
use rsigma_eval::CompiledRule;
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, FieldSpec, Modifier, SigmaRule, SigmaString, SigmaValue,
    SpecialChar, StringPart,
};

use crate::{rule::sigma::values, text};

/// What stands for a dash, as a class of a regular expression.
const DASHES: &str = "[-/\u{2013}\u{2014}\u{2015}]";

/// A rule compiled, restated.
///
/// # Errors
///
/// It cannot be, and why.
pub(super) fn compile(rule: &SigmaRule) -> Result<CompiledRule, String> {
    rsigma_eval::compile_rule(&restated(rule)?).map_err(|error| error.to_string())
}

/// A rule in terms of which the crate makes what it says.
pub(super) fn restated(rule: &SigmaRule) -> Result<SigmaRule, String> {
    let mut restated = rule.clone();
    let Detections { named, conditions, .. } = &mut restated.detection;
    conditions.iter().try_for_each(|condition| selects_some(condition, &rule.detection))?;
    *named = named.iter().map(|(name, own)| Ok((name.clone(), of_detection(own)?))).collect::<Result<_, String>>()?;
    Ok(restated)
}

/// Refuses a condition that asks for detections of which there are none, as one with a misspelt name does.
pub(super) fn selects_some(condition: &ConditionExpr, detections: &Detections) -> Result<(), String> {
    match condition {
        ConditionExpr::And(parts) | ConditionExpr::Or(parts) => {
            parts.iter().try_for_each(|part| selects_some(part, detections))
        }
        ConditionExpr::Not(part) => selects_some(part, detections),
        ConditionExpr::Selector { pattern, .. }
            if !detections.named.keys().any(|name| pattern.matches_detection_name(name)) =>
        {
            Err(format!("its condition asks for {pattern}, and no detection has such a name"))
        }
        ConditionExpr::Identifier(_) | ConditionExpr::Selector { .. } => Ok(()),
    }
}

fn of_detection(detection: &Detection) -> Result<Detection, String> {
    let all = |parts: &[Detection]| parts.iter().map(of_detection).collect::<Result<Vec<_>, _>>();
    Ok(match detection {
        Detection::AllOf(items) => {
            let (mut own, mut parts) = (Vec::new(), Vec::new());
            for item in items {
                let item = values::normal(item)?;
                match of_item(&item)? {
                    None => own.push(item),
                    Some(part) => parts.push(part),
                }
            }
            match (own.is_empty(), parts.is_empty()) {
                (_, true) => Detection::AllOf(own),
                (true, _) => Detection::And(parts),
                _ => Detection::And([vec![Detection::AllOf(own)], parts].concat()),
            }
        }
        Detection::AnyOf(parts) => Detection::AnyOf(all(parts)?),
        Detection::And(parts) => Detection::And(all(parts)?),
        Detection::Keywords(words) if words.iter().all(is_plain_word) => detection.clone(),
        Detection::Keywords(words) => Detection::AnyOf(words.iter().map(keyword).collect::<Result<_, _>>()?),
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => detection.clone(),
    })
}

/// Whether the crate looks for a keyword as it should.
fn is_plain_word(word: &SigmaValue) -> bool {
    matches!(word, SigmaValue::String(text) if is_foldable(text))
}

/// One keyword: a text that is in any value.
fn keyword(word: &SigmaValue) -> Result<Detection, String> {
    let text = match word {
        word if is_plain_word(word) => return Ok(Detection::Keywords(vec![word.clone()])),
        SigmaValue::String(text) => text.clone(),
        SigmaValue::Integer(number) => return Ok(Detection::Keywords(vec![raw(&number.to_string())])),
        SigmaValue::Float(number) => return Ok(Detection::Keywords(vec![raw(&number.to_string())])),
        SigmaValue::Bool(_) | SigmaValue::Null => {
            return Err(format!(
                "the keyword {word} is neither text nor a number: nothing has it; give a text, for example '{word}'"
            ));
        }
    };
    let field = FieldSpec::new(None, vec![Modifier::Re]);
    let values = vec![raw(&pattern(&text, &[Modifier::Contains]))];
    Ok(Detection::AllOf(vec![DetectionItem { field, values }]))
}

/// An item in other terms; nothing if the crate takes it for what it says.
fn of_item(item: &DetectionItem) -> Result<Option<Detection>, String> {
    let has = |modifier: &Modifier| item.field.modifiers.contains(modifier);
    if let Some(value) = item.values.iter().find_map(structure) {
        return Err(format!("a value that is neither text nor a number: {value}"));
    }
    if item.field.name.is_none()
        && let Some(word) = item.values.iter().find(|value| matches!(value, SigmaValue::Bool(_) | SigmaValue::Null))
    {
        keyword(word)?;
    }
    if item.values.is_empty() {
        let what = item.field.name.as_ref().map_or_else(|| "keywords".to_owned(), |name| text::quoted(name));
        return Err(format!("{what} with an empty list: nothing is in it; give a value"));
    }
    refuse_contradictions(item)?;
    let is_of_words = |modifier: &Modifier| matches!(modifier, Modifier::All | Modifier::Contains);
    if item.field.name.is_none() && has(&Modifier::All) && item.field.modifiers.iter().all(is_of_words) {
        return Ok(Some(Detection::And(item.values.iter().map(keyword).collect::<Result<_, _>>()?)));
    }
    let parts = if item.field.modifiers.iter().copied().any(is_of_time) {
        Some(item.values.iter().map(|value| of_time(item, value)).collect::<Result<Vec<_>, _>>()?)
    } else if item.field.modifiers.iter().copied().all(is_of_text) {
        parts_of(item)?
    } else {
        None
    };
    // What is denied is that any of them holds, or that all of them do.
    let parts = match parts {
        None if has(&Modifier::Neq) => Detection::AllOf(vec![item.clone()]),
        None => return Ok(None),
        Some(parts) if has(&Modifier::All) == has(&Modifier::Neq) => Detection::AnyOf(parts),
        Some(parts) => Detection::And(parts),
    };
    // What null finds where the field is missing, the denial of it does not.
    let finds_none = item.values.contains(&SigmaValue::Null) && (!has(&Modifier::All) || item.values.len() == 1);
    Ok(Some(match &item.field.name {
        Some(name) if has(&Modifier::Neq) && !finds_none => {
            Detection::AnyOf(vec![parts, Detection::AllOf(vec![absent(name)])])
        }
        _ => parts,
    }))
}

/// Refuses modifiers that say nothing together, which the crate would not see in what is restated, or takes without a word.
fn refuse_contradictions(item: &DetectionItem) -> Result<(), String> {
    let has = |modifier: &Modifier| item.field.modifiers.contains(modifier);
    let count = |all: &[Modifier]| all.iter().filter(|modifier| has(modifier)).count();
    let ends = count(&[Modifier::Contains, Modifier::StartsWith, Modifier::EndsWith]);
    let encodings = count(&[Modifier::Wide, Modifier::Utf16, Modifier::Utf16be]);
    let times = item.field.modifiers.iter().filter(|modifier| is_of_time(**modifier)).count();
    let is_with_time = |modifier: &Modifier| {
        is_of_time(*modifier) || is_order(*modifier) || matches!(modifier, Modifier::Neq | Modifier::All)
    };
    if ends > 1 {
        return Err("more than one of contains, startswith and endswith".to_owned());
    }
    if encodings > 0 && count(&[Modifier::Base64, Modifier::Base64Offset]) == 0 {
        return Err("wide, utf16 or utf16be without base64 or base64offset: fields are text".to_owned());
    }
    if has(&Modifier::Exists) && has(&Modifier::Neq) {
        return Err("exists with neq: give exists the other value".to_owned());
    }
    if times > 1 || times == 1 && !item.field.modifiers.iter().all(is_with_time) {
        return Err("a part of a time with another modifier than gt, gte, lt, lte, neq or all".to_owned());
    }
    Ok(())
}

fn is_order(modifier: Modifier) -> bool {
    matches!(modifier, Modifier::Gt | Modifier::Gte | Modifier::Lt | Modifier::Lte)
}

/// A value that is a list or has members. The parser gives it as a text, which nothing is equal to.
fn structure(value: &SigmaValue) -> Option<&str> {
    let SigmaValue::String(text) = value else { return None };
    let is_one = ["Mapping {", "Sequence [", "Tagged("].iter().any(|start| text.original.starts_with(start));
    is_one.then_some(&text.original)
}

/// That a field is not there.
fn absent(name: &str) -> DetectionItem {
    let field = FieldSpec::new(Some(name.to_owned()), vec![Modifier::Exists]);
    DetectionItem { field, values: vec![SigmaValue::Bool(false)] }
}

/// Whether a modifier is of text, and not of an operator of its own.
fn is_of_text(modifier: Modifier) -> bool {
    match modifier {
        Modifier::Contains
        | Modifier::StartsWith
        | Modifier::EndsWith
        | Modifier::All
        | Modifier::Base64
        | Modifier::Base64Offset
        | Modifier::Wide
        | Modifier::Utf16be
        | Modifier::Utf16
        | Modifier::WindAsh
        | Modifier::Cased
        | Modifier::Neq => true,
        Modifier::Re
        | Modifier::Cidr
        | Modifier::Exists
        | Modifier::Expand
        | Modifier::FieldRef
        | Modifier::Gt
        | Modifier::Gte
        | Modifier::Lt
        | Modifier::Lte
        | Modifier::IgnoreCase
        | Modifier::Multiline
        | Modifier::DotAll
        | Modifier::Minute
        | Modifier::Hour
        | Modifier::Day
        | Modifier::Week
        | Modifier::Month
        | Modifier::Year => false,
    }
}

fn is_of_time(modifier: Modifier) -> bool {
    matches!(
        modifier,
        Modifier::Minute | Modifier::Hour | Modifier::Day | Modifier::Week | Modifier::Month | Modifier::Year
    )
}

/// The values of an item, those that the crate knows in one part and each other in one of its own; nothing if it knows all.
fn parts_of(item: &DetectionItem) -> Result<Option<Vec<Detection>>, String> {
    let has = |modifier: &Modifier| item.field.modifiers.contains(modifier);
    let encodes = has(&Modifier::Base64) || has(&Modifier::Base64Offset);
    let (mut own, mut parts) = (Vec::new(), Vec::new());
    for value in &item.values {
        match value {
            SigmaValue::Null if item.values.len() > 1 => parts.push(part(item, &[], vec![SigmaValue::Null])),
            SigmaValue::String(text) if encodes && !text.is_plain() => {
                return Err(format!("{:?} has wildcards, and is to be encoded as Base64", text.original));
            }
            SigmaValue::String(text) if has(&Modifier::Base64Offset) => {
                let texts = offsets(&encoded(item, text)).iter().map(|text| raw(text)).collect();
                parts.push(part(item, &[Modifier::Contains], texts));
            }
            SigmaValue::String(text)
                if !encodes && (has(&Modifier::WindAsh) || !is_known(text, has(&Modifier::Cased))) =>
            {
                parts.push(part(item, &[Modifier::Re], vec![raw(&pattern(text, &item.field.modifiers))]));
            }
            value => own.push(value.clone()),
        }
    }
    if parts.is_empty() {
        return Ok(None);
    }
    if !own.is_empty() {
        let mut field = item.field.clone();
        // The crate refuses it of one value.
        field.modifiers.retain(|modifier| *modifier != Modifier::All || own.len() > 1);
        parts.push(Detection::AllOf(vec![DetectionItem { field, values: own }]));
    }
    Ok(Some(parts))
}

/// An item with other modifiers and values, denied as it is.
fn part(item: &DetectionItem, modifiers: &[Modifier], values: Vec<SigmaValue>) -> Detection {
    let denial = item.field.modifiers.iter().filter(|modifier| **modifier == Modifier::Neq);
    let modifiers = modifiers.iter().chain(denial).copied().collect();
    Detection::AllOf(vec![DetectionItem { field: FieldSpec::new(item.field.name.clone(), modifiers), values }])
}

/// Whether the crate compares a text as it should be.
fn is_known(text: &SigmaString, is_cased: bool) -> bool {
    is_foldable(text) || is_cased && text.is_plain()
}

/// Whether it is without wildcards and the case of its letters is that of ASCII.
fn is_foldable(text: &SigmaString) -> bool {
    text.is_plain() && text.original.is_ascii()
}

/// A text in which nothing has another meaning.
fn raw(text: &str) -> SigmaValue {
    SigmaValue::String(SigmaString::from_raw(text))
}

/// A text as a regular expression, as these modifiers have it.
fn pattern(text: &SigmaString, modifiers: &[Modifier]) -> String {
    let has = |modifier: Modifier| modifiers.contains(&modifier);
    let letter = if has(Modifier::Cased) { as_it_is } else { in_any_case };
    let mut pattern = String::from(if has(Modifier::Cased) { "(?s)" } else { "(?is)" });
    if !has(Modifier::Contains) && !has(Modifier::EndsWith) {
        pattern.push('^');
    }
    for part in &text.parts {
        match part {
            StringPart::Plain(text) if has(Modifier::WindAsh) => pattern.push_str(&with_dashes(text, letter)),
            StringPart::Plain(text) => pattern.extend(text.chars().map(letter)),
            StringPart::Special(SpecialChar::WildcardMulti) => pattern.push_str(".*"),
            StringPart::Special(SpecialChar::WildcardSingle) => pattern.push('.'),
        }
    }
    if !has(Modifier::Contains) && !has(Modifier::StartsWith) {
        pattern.push('$');
    }
    pattern
}

/// A letter in an expression.
fn as_it_is(letter: char) -> String {
    regex::escape(letter.encode_utf8(&mut [0; 4]))
}

/// A letter in an expression that ignores cases. The long s is an s of another case there, but neither to what compares plain texts nor
/// to the search for them in chunks.
fn in_any_case(letter: char) -> String {
    match letter {
        's' | 'S' => "(?-i:[sS])".to_owned(),
        '\u{17f}' => "(?-i:\u{17f})".to_owned(),
        _ => as_it_is(letter),
    }
}

/// A pattern for a text in which each dash before a word, and not behind one, can be any dash or a slash: as pySigma has it.
fn with_dashes(text: &str, letter: fn(char) -> String) -> String {
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    let mut pattern = String::new();
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let is_dash =
            matches!(c, '-' | '/') && !before.is_some_and(|c| is_word(&c)) && rest.peek().is_some_and(is_word);
        if is_dash {
            pattern.push_str(DASHES);
        } else {
            pattern.push_str(&letter(c));
        }
        before = Some(c);
    }
    pattern
}

/// The bytes of a text, in the encoding that an item asks for.
fn encoded(item: &DetectionItem, text: &SigmaString) -> Vec<u8> {
    let has = |modifier: &Modifier| item.field.modifiers.contains(modifier);
    let text = text.as_plain().unwrap_or_default();
    let units = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    if has(&Modifier::Wide) {
        units(u16::to_le_bytes)
    } else if has(&Modifier::Utf16be) {
        units(u16::to_be_bytes)
    } else if has(&Modifier::Utf16) {
        [vec![0xFF, 0xFE], units(u16::to_le_bytes)].concat()
    } else {
        text.into_bytes()
    }
}

/// What Base64 has of some bytes, whatever is before and behind them: the digits that only they decide, at each of the three places that
/// they can have in a group of three.
fn offsets(bytes: &[u8]) -> Vec<String> {
    let digits = |before: usize| {
        let all = STANDARD.encode([&vec![0; before], bytes].concat());
        // A digit has 6 bits of the bytes.
        let (first, behind) = ((before * 8).div_ceil(6), (before + bytes.len()) * 8 / 6);
        all.get(first..behind).map(str::to_owned)
    };
    (0..3).filter_map(digits).filter(|digits| !digits.is_empty()).collect()
}

/// The part of a time that an item asks for, in the forms of Sysmon and of RFC 3339.
fn of_time(item: &DetectionItem, value: &SigmaValue) -> Result<Detection, String> {
    let number = match value {
        SigmaValue::Integer(number) => Some(*number),
        SigmaValue::String(text) => text.as_plain().and_then(|text| text.parse().ok()),
        SigmaValue::Float(_) | SigmaValue::Bool(_) | SigmaValue::Null => None,
    };
    let number = number.ok_or("a part of a time is compared with what is not a number")?;
    // What is before it and behind it, and what it can be. No record of Windows is older than its epoch.
    let (before, numbers, behind) = match item.field.modifiers.iter().find(|modifier| is_of_time(**modifier)) {
        Some(Modifier::Year) => ("", 1601..=2600, "-"),
        Some(Modifier::Month) => ("[0-9]{4}-", 1..=12, "-"),
        Some(Modifier::Day) => ("[0-9]{4}-[0-9]{2}-", 1..=31, "[T ]"),
        Some(Modifier::Hour) => ("[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", 0..=23, ":"),
        Some(Modifier::Minute) => ("[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:", 0..=59, ":"),
        _ => return Err("it asks for the week of a time, which is not read".to_owned()),
    };
    let holds = |one: &i64| match item.field.modifiers.iter().find(|modifier| is_order(**modifier)) {
        Some(Modifier::Gt) => *one > number,
        Some(Modifier::Gte) => *one >= number,
        Some(Modifier::Lt) => *one < number,
        Some(Modifier::Lte) => *one <= number,
        _ => *one == number,
    };
    let numbers: Vec<String> = numbers.filter(holds).map(|one| format!("{one:02}")).collect();
    // Nothing is behind the end.
    let numbers = if numbers.is_empty() { "$.".to_owned() } else { numbers.join("|") };
    Ok(part(item, &[Modifier::Re], vec![raw(&format!("^{before}(?:{numbers}){behind}"))]))
}

#[cfg(test)]
mod tests {
    use rsigma_eval::evaluate_rule;

    use super::*;
    use crate::rule::sigma::view::View;

    fn rule(detection: &str) -> Result<CompiledRule, String> {
        let yaml = format!("title: t\nlogsource:\n  category: network_connection\ndetection:\n{detection}");
        let parsed = rsigma_parser::parse_sigma_yaml(&yaml).unwrap();
        compile(&parsed.rules[0])
    }

    /// Whether a rule with these detections matches a connection with these values.
    fn matches(detection: &str, values: &[(&str, &str)]) -> bool {
        let data: Vec<_> = values.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        evaluate_rule(&rule(detection).unwrap(), &View::of_pairs(&data, &[])).is_some()
    }

    /// Of an item about `User`, which values of it match, and whether none does.
    #[track_caller]
    fn item(item: &str, matching: &[&str], others: &[&str], is_for_none: bool) {
        for (condition, expected) in [("s", true), ("not s", false)] {
            let rule = format!("  s:\n    {item}\n    Protocol: tcp\n  condition: {condition}");
            for (values, is_expected) in [(matching, expected), (others, !expected)] {
                for value in values {
                    let found = matches(&rule, &[("User", value), ("Protocol", "tcp")]);
                    assert_eq!(found, is_expected, "{condition}: {item}: {value:?}");
                }
            }
            assert_eq!(matches(&rule, &[("Protocol", "tcp")]), is_for_none == expected, "{condition}: {item}: none");
            assert_eq!(matches(&rule, &[("User", "x"), ("Protocol", "udp")]), !expected, "{condition}: {item}: udp");
        }
    }

    #[test]
    fn wildcards_are_anchored_by_the_modifier_and_match_line_breaks() {
        item("User: 'a?b*c'", &["axbc", "AXB\nyC", "a\nbc"], &["abc", "xaxbc", "axbcx"], false);
        item("User|startswith: 'a?b'", &["aAbc", "A\nB"], &["xaxb", "ab"], false);
        item("User|endswith: '?443'", &["xx443", "\n443"], &["x443s", "443"], false);
        item("User|contains: 'a*b'", &["xaXXbx", "a\nb"], &["ba"], false);
        item("User|contains|all: ['a*b', 'c', 'd?e']", &["aXbcdxe", "d\nec a\nb"], &["acdxe", "abde", "abc"], false);
        item("User|cased: 'A*b'", &["Axb"], &["axb", "AxB"], false);
        item("User: ['a*', 'b', 7]", &["axx", "B", "7"], &["xa", "bx", "77"], false);
        item(r"User: 'a\*b?'", &["a*bx"], &["axbx", "a*b"], false);
    }

    #[test]
    fn null_counts_in_a_list_and_what_is_not_there_is_not_equal() {
        item("User: [null, '0']", &["0"], &["1", ""], true);
        item("User: [null, '', '-', 'a*']", &["", "-", "ab"], &["x"], true);
        item("User: null", &[], &["", "x"], true);
        item("User|neq: a", &["b", ""], &["a", "A"], true);
        item("User|neq: ['a', 'b*']", &["c"], &["a", "bx"], true);
        item("User|contains|neq: 'a?b'", &["ab"], &["xaxbx"], true);
        item("User|neq: null", &["", "x"], &[], false);
        item("User|neq: [null, x]", &["", "y"], &["x"], false);
        item("User|contains|neq: [null, x, '']", &[], &["y", "x"], false);
        item("User|contains|all|neq: ['a', 'b*c']", &["a", "bc", "x"], &["abxc"], true);
    }

    #[test]
    fn letters_of_other_alphabets_have_cases() {
        item("User|contains: 'ΔΙΑΧΕΙΡΙΣ'", &["ΔΙΑΧΕΙΡΙΣΤΗΣ", "διαχειρισ", "διαχειρις"], &["ΔΙΑ"], false);
        item("User: 'NT-AUTORITÄT'", &["nt-autorität"], &["nt-autoritat"], false);
        item("User|cased: 'Ä'", &["Ä"], &["ä"], false);
    }

    #[test]
    fn letters_of_ascii_are_those_that_chunks_are_searched_for() {
        for letter in 'a'..='z' {
            let expression = regex::Regex::new(&pattern(&SigmaString::new(&format!("{letter}?")), &[])).unwrap();
            let others = ('\u{80}'..=char::MAX).filter(|other| expression.is_match(&format!("{other}x")));
            let others: Vec<char> = others.collect();
            // The search knows the Kelvin sign.
            assert_eq!(others, if letter == 'k' { vec!['\u{212a}'] } else { Vec::new() }, "{letter}");
        }
        item("User|cased: 's*S'", &["sxS"], &["SxS", "sxs"], false);
        item("User: 's*S'", &["SXs"], &["\u{17f}xs"], false);
    }

    #[test]
    fn all_places_of_base64_are_found() {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let encoded = |before: &str, text: &[u8], behind: &str| {
            STANDARD.encode([before.as_bytes(), text, behind.as_bytes()].concat())
        };
        let wide: Vec<u8> = "http://".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "http://".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (modifiers, text) in
            [("base64offset", "http://".as_bytes()), ("wide|base64offset", &wide), ("utf16be|base64offset", &big)]
        {
            let mut found: Vec<String> = Vec::new();
            for before in ["", "x", "xy", "xyz"] {
                for behind in ["", "\u{7f}", "a", "zz"] {
                    found.push(encoded(before, text, behind));
                }
            }
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            let other = STANDARD.encode("https://");
            item(&format!("User|{modifiers}|contains: 'http://'"), &found, &[&other, "http://"], false);
        }
        assert!(rule("  s:\n    User|base64offset|contains: 'a*'\n  condition: s").unwrap_err().contains("wildcards"));
    }

    #[test]
    fn dashes_before_words_are_any_dash() {
        let flags = [" -f", " /f", " \u{2013}f", " \u{2014}f", " \u{2015}f"];
        item("User|windash|contains: ' -f'", &flags, &[" f", "x-f"], false);
        item("User|windash|contains: ' /f'", &flags, &[" f"], false);
        item("User|windash: '* -f*'", &["a /foo", "x -f"], &["x -g"], false);
        item("User|windash|contains: 'a-b'", &["a-b"], &["a/b"], false);
        item("User|windash|contains|all: [' -f', ' -g']", &["x /f -g"], &["x /f"], false);
    }

    #[test]
    fn parts_of_a_time_are_read_as_sysmon_writes_it() {
        let at = "2024-01-02 03:04:05.678";
        for (part, number) in [("year", 2024), ("month", 1), ("day", 2), ("hour", 3), ("minute", 4)] {
            item(&format!("User|{part}: {number}"), &[at, "2024-01-02T03:04:05Z"], &["", "x"], false);
            item(&format!("User|{part}: {}", number + 1), &[], &[at], false);
            item(&format!("User|{part}: [{number}, 60]"), &[at], &[], false);
        }
        item("User|hour|gte: 3", &[at, "2024-01-02 23:04:05"], &["2024-01-02 02:59:05"], false);
        item("User|lt|hour: 3", &["2024-01-02 02:59:05"], &[at], false);
        item("User|minute|gt: 59", &[], &[at], false);
        item("User|year|neq: 2023", &[at], &["2023-01-02 02:59:05"], true);
        assert!(rule("  s:\n    User|week: 1\n  condition: s").unwrap_err().contains("week"));
    }

    #[test]
    fn each_of_several_keywords_is_in_some_value() {
        let found =
            |detection: &str, values: &[(&str, &str)]| matches(&format!("  s:\n{detection}\n  condition: s"), values);
        let both = [("Image", "x evil"), ("User", "BAD one")];
        assert!(found("    '|all': [evil, bad]", &both) && !found("    '|all': [evil, good]", &both));
        assert!(found("    '|contains|all': [evil, bad]", &both));
        assert!(found("    - 4444", &[("SourcePort", "4444")]) && found("    '|all': [44, 55]", &[("Image", "44 55")]));
        assert!(found("    - 'e*l'", &[("Image", "xe\nlx")]) && !found("    - 'e*l'", &[("Image", "le")]));
        assert!(found("    - 'ÄRGER'", &[("Image", "xärgerx")]));
    }

    #[test]
    fn modifiers_that_say_nothing_together_are_refused() {
        for item in [
            "User|startswith|endswith: 'x*'",
            "User|contains|startswith: x",
            "User|wide: x",
            "User|utf16|contains: 'x*'",
            "User|exists|neq: true",
            "User|hour|contains: 9",
            "User|hour|minute: 9",
        ] {
            assert!(rule(&format!("  s:\n    {item}\n  condition: s")).is_err(), "{item}");
        }
    }

    #[test]
    fn whether_a_field_is_there_is_asked_by_a_boolean_of_yaml() {
        for yes in ["true", "True", "'true'", "yes", "YES", "on", "On", "[true]"] {
            item(&format!("User|exists: {yes}"), &["x", ""], &[], false);
        }
        for no in ["false", "FALSE", "'False'", "no", "No", "off", "OFF", "[off]"] {
            item(&format!("User|exists: {no}"), &[], &["x", ""], true);
        }
        for other in
            ["0", "1", "null", "", "''", "maybe", "y", "n", "'true '", "'t*'", "1.5", "[]", "[true, true]", "[yes, no]"]
        {
            let error = rule(&format!("  s:\n    User|exists: {other}\n  condition: s")).unwrap_err();
            assert!(error.contains("give true or false, for example User|exists: true"), "{other}: {error}");
        }
        assert!(rule("  s:\n    '|exists': true\n  condition: s").unwrap_err().contains("exists without a field"));
    }

    #[test]
    fn what_nothing_can_be_is_refused() {
        for (detection, reason) in [
            ("s: {User: []}", r#""User" with an empty list"#),
            ("s: {User|contains: []}", r#""User" with an empty list"#),
            ("s: {User|neq: []}", r#""User" with an empty list"#),
            ("s: {User|re: [], Image: x}", r#""User" with an empty list"#),
            ("s: {UtcTime|hour: []}", r#""UtcTime" with an empty list"#),
            ("s: [{Image: x}, {User|gt: []}]", r#""User" with an empty list"#),
            ("s: {'|contains': []}", "keywords with an empty list"),
            ("s: []", "must not be empty"),
            ("s: [true]", "the keyword true is neither"),
            ("s: [evil, false]", "the keyword false is neither"),
            ("s: [evil, null]", "the keyword null is neither"),
            ("s: null", "the keyword null is neither"),
            ("s: {'|all': [evil, true]}", "the keyword true is neither"),
            ("s: {'|contains': true}", "the keyword true is neither"),
        ] {
            let error = rule(&format!("  {detection}\n  condition: s")).unwrap_err();
            assert!(error.contains(reason), "{detection}: {error}");
        }
        assert!(rule("  s: ['true', 7, 1.5]\n  condition: s").is_ok());
        item("User: [true]", &["true"], &["false"], false);
    }

    #[test]
    fn networks_are_those_that_the_command_line_takes() {
        let found = |network: &str, address: &str| {
            let rule = format!("  s:\n    DestinationIp|cidr: {network}\n  condition: s");
            matches(&rule, &[("DestinationIp", address)])
        };
        for (network, address, other) in [
            ("10.0.0.0/8", "10.1.2.3", "11.1.2.3"),
            ("8.8.8.8", "8.8.8.8", "8.8.8.9"),
            ("8.8.8.8/32", "8.8.8.8", "8.8.8.9"),
            ("'2001:db8::1'", "2001:db8:0:0:0:0:0:1", "2001:db8:0:0:0:0:0:2"),
            ("fe80::/10", "fe80:0:0:0:0:0:0:1", "2001:db8:0:0:0:0:0:2"),
            ("['192.0.2.1', '10.0.0.0/8']", "192.0.2.1", "192.0.2.2"),
            ("'::ffff:10.0.0.0/104'", "::ffff:10.1.2.3", "11.1.2.3"),
        ] {
            assert!(found(network, address) && !found(network, other), "{network}");
        }
        for (network, reason) in [
            ("8.8.8.8/8", "has host bits set: did you mean 8.0.0.0/8?"),
            ("['10.0.0.0/8', '192.168.1.1/16']", "has host bits set: did you mean 192.168.0.0/16?"),
            ("'fe80::1/10'", "has host bits set: did you mean fe80::/10?"),
            ("10.0.0.0/33", "is not a network"),
            ("'10.*'", "is not a network"),
            ("x", "is not a network"),
        ] {
            let error = rule(&format!("  s:\n    DestinationIp|cidr: {network}\n  condition: s")).unwrap_err();
            assert!(error.contains(reason), "{network}: {error}");
        }
        assert!(!matches("  s:\n    User|cidr|neq: 8.8.8.8\n  condition: s", &[("User", "8.8.8.8")]));
    }

    #[test]
    fn values_with_members_are_refused() {
        for value in ["{a: b}", "[[a]]", "[x, {a: b}]"] {
            let error = rule(&format!("  s:\n    User: {value}\n  condition: s")).unwrap_err();
            assert!(error.contains("neither text nor a number"), "{error}");
        }
    }

    #[test]
    fn detections_of_which_there_are_none_are_refused() {
        for condition in ["s and all of filtr_*", "s and not 1 of filtr_*", "1 of nosuch_*"] {
            let error =
                rule(&format!("  s:\n    User: a\n  filter_a:\n    User: b\n  condition: {condition}")).unwrap_err();
            assert!(error.contains("no detection has such a name"), "{error}");
        }
        assert!(rule("  s:\n    User: a\n  condition: 1 of s* and all of them").is_ok());
    }
}
