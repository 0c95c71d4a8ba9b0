//! A [`Document`]: fields by their dotted names, which are written as objects in objects.

use std::{borrow::Cow, io};

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::report::jsonl;

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Number(i64),
    Truth(bool),
    List(Vec<Cow<'a, str>>),
}

/// Fields in the order in which they are written. Those of one object stand together.
#[derive(Debug, Default)]
pub(super) struct Document<'a>(Vec<(Cow<'static, str>, Value<'a>)>);

impl<'a> Document<'a> {
    /// Adds a text, unless it is empty.
    pub(super) fn text(&mut self, name: impl Into<Cow<'static, str>>, text: impl Into<Cow<'a, str>>) {
        let text = text.into();
        if !text.is_empty() {
            self.0.push((name.into(), Value::Text(text)));
        }
    }

    /// Adds a number, if there is one.
    pub(super) fn number(&mut self, name: &'static str, number: Option<i64>) {
        self.0.extend(number.map(|number| (name.into(), Value::Number(number))));
    }

    /// Adds a truth.
    pub(super) fn truth(&mut self, name: &'static str, truth: bool) {
        self.0.push((name.into(), Value::Truth(truth)));
    }

    /// Adds the texts that are not empty, each once, if there is any.
    pub(super) fn list<T: Into<Cow<'a, str>>>(&mut self, name: &'static str, texts: impl IntoIterator<Item = T>) {
        let mut list: Vec<Cow<'a, str>> = Vec::new();
        for text in texts.into_iter().map(Into::into) {
            if !text.is_empty() && !list.contains(&text) {
                list.push(text);
            }
        }
        if !list.is_empty() {
            self.0.push((name.into(), Value::List(list)));
        }
    }

    /// Adds another's fields.
    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Adds the line of the document.
    ///
    /// # Errors
    ///
    /// None that memory does not have.
    pub(super) fn push(&self, lines: &mut Vec<u8>) -> io::Result<()> {
        jsonl::push(lines, Object { fields: &self.0, start: 0 }.members())
    }
}

/// The object of fields that have the start of their names in common: what is in front of `start`, in bytes.
struct Object<'d, 'a> {
    fields: &'d [(Cow<'static, str>, Value<'a>)],
    start: usize,
}

/// What a member of an object is.
#[derive(Serialize)]
#[serde(untagged)]
enum Member<'d, 'a> {
    Value(&'d Value<'a>),
    Object(Object<'d, 'a>),
}

impl<'d, 'a> Object<'d, 'a> {
    /// The members by their names.
    fn members(&self) -> impl Iterator<Item = (&'d str, Member<'d, 'a>)> {
        let Self { fields, start } = *self;
        let is_alike = move |one: &str, other: &str| member(one, start) == member(other, start);
        fields.chunk_by(move |(one, _), (other, _)| is_alike(one, other)).filter_map(move |fields| {
            let (name, value) = fields.first()?;
            let own = member(name, start);
            let end = start + own.len();
            let object = || Member::Object(Object { fields, start: end + 1 });
            Some((own, if end == name.len() { Member::Value(value) } else { object() }))
        })
    }
}

/// The name of the member that a field is in, of the object whose name ends before `start`.
fn member(name: &str, start: usize) -> &str {
    name.get(start..).and_then(|rest| rest.split('.').next()).unwrap_or_default()
}

impl Serialize for Object<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.members().try_for_each(|(name, member)| map.serialize_entry(name, &member))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_names_become_objects() {
        let mut document = Document::default();
        document.text("@timestamp", "t");
        document.text("a.b.c", "1");
        document.text("a.b.d", "");
        document.number("a.b.e", Some(2));
        document.truth("a.f", true);
        document.list("g", ["x", "", "x", "y"]);
        document.list("h", [""]);
        document.text("a2.b", "3");
        let mut lines = Vec::new();
        document.push(&mut lines).unwrap();
        let expected = r#"{"@timestamp":"t","a":{"b":{"c":"1","e":2},"f":true},"g":["x","y"],"a2":{"b":"3"}}"#;
        assert_eq!(String::from_utf8(lines).unwrap(), format!("{expected}\n"));
    }
}
