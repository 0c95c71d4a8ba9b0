//! The [`Form`] of records: the templates that they are of, which say where in their values each name stands.

use std::{ptr, sync::Arc};

use crate::evtx::shape::{Member, Part, Shape};

/// The templates of a record: that of the `Event`, and that of its data, if it has any.
#[derive(Debug, Clone)]
pub struct Form {
    pub(super) outer: Arc<Shape>,
    pub(super) data: Option<Arc<Shape>>,
}

/// Where a value is among those of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// Whether it is one of the data.
    pub(super) is_of_data: bool,
    /// Which.
    pub(super) index: usize,
}

impl Form {
    pub(super) fn is(&self, outer: &Shape, data: Option<&Shape>) -> bool {
        let own = self.data.as_deref();
        ptr::eq(Arc::as_ptr(&self.outer), outer) && own.map(ptr::from_ref) == data.map(ptr::from_ref)
    }

    /// The values that members of `System` and fields of the data are made of or depend on, each with the name of that. Everything else that
    /// they say stands in the templates.
    pub fn values(&self) -> impl Iterator<Item = (&str, Site)> {
        let data = self.data.iter().flat_map(|shape| &shape.data).map(|member| (member, true));
        let all = self.outer.system.iter().map(|member| (member, false)).chain(data);
        all.flat_map(|((name, Member { part, dependency }), is_of_data)| {
            let own = if let Part::Value(index) = part { Some(*index) } else { None };
            let indices = own.into_iter().chain(*dependency);
            indices.map(move |index| (&**name, Site { is_of_data, index }))
        })
    }
}
