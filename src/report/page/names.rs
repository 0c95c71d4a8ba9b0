//! [`Names`]: texts, each once, known by a number. They occur again and again in hits, and once in a page.

use crate::{
    connection::glossary::Field,
    group::{
        hit::Hit,
        texts::{Texts, Translation},
    },
};

/// Texts in the order in which they were first met.
#[derive(Debug, Default)]
pub(super) struct Names {
    texts: Texts,
    /// The numbers of those that hits share.
    shared: Translation,
}

impl Names {
    /// The number of a text.
    pub(super) fn id(&mut self, text: &str) -> u32 {
        self.texts.number(text)
    }

    /// The number of a field's value in a hit. A text that many hits share is looked for once.
    pub(super) fn id_of(&mut self, hit: &Hit, field: Field) -> u32 {
        hit.number(field, &mut self.texts, &mut self.shared)
    }

    /// The text with this number.
    pub(super) fn get(&self, id: u32) -> &str {
        self.texts.get(id)
    }

    /// All of them, by their numbers.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.texts.iter()
    }

    /// How much text they are, in bytes.
    pub(super) fn size(&self) -> usize {
        self.texts.text_size()
    }
}
