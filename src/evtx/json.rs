//! Shapes of JSON that the parser's rendering is made of: a [`Text`], an [`Element`] with attributes, and named [`Fields`] of
//! either.
//!
//! All take whatever stands there, since evidence decides it, and borrow it where it needs no unescaping. The JSON is read by
//! `serde_json`; only the shapes are here. Its own `Value` would not do: of `{"Image":"a","Image":"b"}`, which evidence can
//! contain, it keeps one, and it copies every text.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A value as the text Windows shows for it: `true`, `443`, the text itself; empty for nothing.
///
/// Of an element with attributes it is the `#text`; of a list, the first item.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

/// A value that can have attributes.
#[derive(Debug, Default)]
pub(crate) struct Element<'a> {
    /// Its text, as of a [`Text`].
    pub(crate) text: Cow<'a, str>,
    /// Its `#attributes`, in order.
    pub(crate) attributes: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// The members of an object, in order; none for anything else.
#[derive(Debug)]
pub(crate) struct Fields<'a, V = Cow<'a, str>>(pub(crate) Vec<(Cow<'a, str>, V)>);

impl<V> Default for Fields<'_, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a> From<Element<'a>> for Cow<'a, str> {
    fn from(element: Element<'a>) -> Self {
        element.text
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Element::deserialize(deserializer).map(|element| Self(element.text))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Element<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

impl<'de: 'a, 'a, V: From<Element<'a>>> Deserialize<'de> for Fields<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor(PhantomData, MEMBERS))
    }
}

/// How many members an event's data has, and attributes an element.
const MEMBERS: usize = 24;
const ATTRIBUTES: usize = 2;

/// The attributes of an element, which are few.
struct Attributes<'a>(Fields<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor(PhantomData, ATTRIBUTES)).map(Self)
    }
}

struct ElementVisitor;

impl<'de> ElementVisitor {
    fn text(text: impl Into<Cow<'de, str>>) -> Element<'de> {
        Element { text: text.into(), attributes: Vec::new() }
    }
}

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Element<'de>, E> {
        Ok(Self::text(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Element<'de>, E> {
        Ok(Self::text(text.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Element<'de>, E> {
        Ok(Self::text(if value { "true" } else { "false" }))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Element<'de>, E> {
        Ok(Self::text(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Element<'de>, E> {
        Ok(Self::text(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Element<'de>, E> {
        Ok(Self::text(value.to_string()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Element<'de>, E> {
        Ok(Element::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Element<'de>, A::Error> {
        let first = items.next_element::<Element<'de>>()?.unwrap_or_default();
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Element<'de>, A::Error> {
        let mut element = Element::default();
        while let Some(Text(name)) = members.next_key::<Text<'de>>()? {
            match &*name {
                "#text" => element.text = members.next_value::<Text<'de>>()?.0,
                "#attributes" => element.attributes = members.next_value::<Attributes<'de>>()?.0.0,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(element)
    }
}

/// With room for so many at first.
struct FieldsVisitor<'a, V>(PhantomData<(&'a (), V)>, usize);

impl<'de: 'a, 'a, V: From<Element<'a>>> Visitor<'de> for FieldsVisitor<'a, V> {
    type Value = Fields<'a, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Fields<'a, V>, A::Error> {
        let mut fields = Vec::with_capacity(self.1);
        while let Some((Text(name), element)) = members.next_entry::<Text<'a>, Element<'a>>()? {
            fields.push((name, element.into()));
        }
        Ok(Fields(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Fields<'a, V>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Fields::default())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Fields<'a, V>, E> {
        Ok(Fields::default())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Fields<'a, V>, E> {
        Ok(Fields::default())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Fields<'a, V>, E> {
        Ok(Fields::default())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Fields<'a, V>, E> {
        Ok(Fields::default())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Fields<'a, V>, E> {
        Ok(Fields::default())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Fields<'a, V>, E> {
        Ok(Fields::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        serde_json::from_str::<Text<'_>>(json).unwrap().0.into_owned()
    }

    #[test]
    fn every_value_has_a_text() {
        assert_eq!(text("443"), "443");
        assert_eq!(text("-1"), "-1");
        assert_eq!(text("false"), "false");
        assert_eq!(text("null"), "");
        assert_eq!(text(r#""a\\b""#), r"a\b");
        assert_eq!(text(r##"{"#attributes":{"Qualifiers":""},"#text":3}"##), "3");
        assert_eq!(text(r#"["first",2]"#), "first");
    }

    #[test]
    fn an_element_has_its_text_and_its_attributes() {
        let system = r##"{"Provider":{"#attributes":{"Name":"P","Guid":"G"}},"Level":4,"Security":null}"##;
        let elements: Fields<'_, Element<'_>> = serde_json::from_str(system).unwrap();
        let [(_, provider), (_, level), (_, security)] = elements.0.as_slice() else { panic!("{elements:?}") };
        assert_eq!(provider.attributes, [("Name".into(), "P".into()), ("Guid".into(), "G".into())]);
        assert_eq!((&*provider.text, &*level.text, &*security.text), ("", "4", ""));
    }

    #[test]
    fn fields_keep_their_order_and_anything_else_is_none() {
        let fields: Fields<'_> = serde_json::from_str(r#"{"b":1,"a":null}"#).unwrap();
        assert_eq!(fields.0, [("b".into(), "1".into()), ("a".into(), "".into())]);
        for other in ["null", "[1]", "7", "\"x\"", "true"] {
            assert!(serde_json::from_str::<Fields<'_>>(other).unwrap().0.is_empty());
        }
    }
}
