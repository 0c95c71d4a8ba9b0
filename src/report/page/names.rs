//! [`Names`]: texts, each once, known by a number. They occur again and again in hits, and once in a page.

use std::{collections::HashMap, mem, rc::Rc};

use crate::{
    connection::glossary::Field,
    group::{hit::Hit, texts::Translation},
};

/// Texts in the order in which they were first met.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: HashMap<Rc<str>, u32, ahash::RandomState>,
    list: Vec<Rc<str>>,
    /// How much text they are, in bytes.
    pub(super) size: usize,
    /// The numbers of those that hits share.
    shared: Translation,
}

impl Names {
    /// The number of a text.
    pub(super) fn id(&mut self, text: &str) -> u32 {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let text: Rc<str> = text.into();
        self.size += text.len();
        self.list.push(Rc::clone(&text));
        self.ids.insert(text, id);
        id
    }

    /// The number of a field's value in a hit. A text that many hits share is looked for once.
    pub(super) fn id_of(&mut self, hit: &Hit, field: Field) -> u32 {
        let Some((texts, number)) = hit.shared(field) else { return self.id(hit.get(field)) };
        let mut shared = mem::take(&mut self.shared);
        shared.turn_to(texts);
        let id = shared.get(number, |text| self.id(text));
        self.shared = shared;
        id
    }

    /// The text with this number.
    pub(super) fn get(&self, id: u32) -> &str {
        self.list.get(id as usize).map_or("", |text| text)
    }

    /// All of them, by their numbers.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|text| &**text)
    }
}
