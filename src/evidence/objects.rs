//! An [`Object`] of JSON while its end is looked for, in text that comes in parts. What is in it is not known here.

/// How far an object was looked through, from its `{`.
#[derive(Debug, Default)]
pub struct Object {
    depth: usize,
    is_string: bool,
    is_escaped: bool,
    is_line_start: bool,
}

impl Object {
    /// How many of these bytes are of the object, if it ends in them; what comes next is looked at with the next call.
    ///
    /// It ends behind its last brace. One that is damaged ends at the line break inside a string, which JSON does not allow, or before
    /// the next line that starts with a brace: an object that is written over many lines is indented.
    pub fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            if self.is_string {
                if self.is_escaped {
                    bytes.get(at)?;
                    self.is_escaped = false;
                    at += 1;
                    continue;
                }
                at += memchr::memchr3(b'"', b'\\', b'\n', bytes.get(at..)?)? + 1;
                match bytes.get(at - 1)? {
                    b'\\' => self.is_escaped = true,
                    b'"' => self.is_string = false,
                    _ => return Some(at),
                }
                continue;
            }
            let byte = *bytes.get(at)?;
            match byte {
                b'{' if self.is_line_start => return Some(at),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b'"' => self.is_string = true,
                _ => {}
            }
            at += 1;
            self.is_line_start = byte == b'\n';
            if self.depth == 0 {
                return Some(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_ends_behind_its_last_brace_or_where_it_is_damaged() {
        for (text, end) in [
            (r#"{"a":{"b":[1,"}\"]\\"]}} {"#, Some(24)),
            ("{\n  \"a\": [\n    {},\n    {}\n  ]\n}\n{}", Some(31)),
            ("{}{}", Some(2)),
            ("{\"a\n{}", Some(4)),
            ("{\"a\":{\n{}", Some(7)),
            ("{\"a\":\"\\", None),
            ("{\"a\":[", None),
        ] {
            assert_eq!(Object::default().end(text.as_bytes()), end, "{text}");
            let mut object = Object::default();
            let parts = text.as_bytes().iter().map(|byte| object.end(std::slice::from_ref(byte)));
            let whole = parts.enumerate().find_map(|(at, size)| Some(at + size?));
            assert_eq!(whole, end, "{text}");
        }
    }
}
