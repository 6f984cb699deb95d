//! SPDX licence expressions, as far as package manifests use them.
//!
//! `AND` binds tighter than `OR`; `/`, which old manifests use, is `OR`. A licence `WITH` an
//! exception is one licence of its own: allowing the one without does not allow it.

/// Whether the expression is met when only the licences that `allowed` names may be used. The error
/// says where the expression is not one.
pub(crate) fn is_met(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let mut parser = Parser { tokens: tokens(expression), at: 0, allowed };
    let met = parser.any_of()?;
    match parser.peek() {
        None => Ok(met),
        Some(token) => Err(format!("`{token}` is one word too many")),
    }
}

struct Parser<'a> {
    tokens: Vec<&'a str>,
    at: usize,
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Parser<'a> {
    fn any_of(&mut self) -> Result<bool, String> {
        let mut met = self.all_of()?;
        while self.take_if(&["OR", "/"]) {
            met |= self.all_of()?;
        }
        Ok(met)
    }

    fn all_of(&mut self) -> Result<bool, String> {
        let mut met = self.one()?;
        while self.take_if(&["AND"]) {
            met &= self.one()?;
        }
        Ok(met)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.take_if(&["("]) {
            let met = self.any_of()?;
            return if self.take_if(&[")"]) { Ok(met) } else { Err("a `)` is missing".to_owned()) };
        }
        let licence = self.name()?;
        if self.take_if(&["WITH"]) {
            let exception = self.name()?;
            return Ok((self.allowed)(&format!("{licence} WITH {exception}")));
        }
        Ok((self.allowed)(licence))
    }

    fn name(&mut self) -> Result<&'a str, String> {
        match self.peek() {
            Some(token) if !["OR", "/", "AND", "WITH", "(", ")"].contains(&token) => {
                self.at += 1;
                Ok(token)
            }
            Some(token) => Err(format!("a licence is missing before `{token}`")),
            None => Err("a licence is missing at the end".to_owned()),
        }
    }

    fn take_if(&mut self, wanted: &[&str]) -> bool {
        let taken = self.peek().is_some_and(|token| wanted.contains(&token));
        self.at += usize::from(taken);
        taken
    }

    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).copied()
    }
}

fn tokens(expression: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while !rest.is_empty() {
        let is_mark = |c: char| "()/".contains(c);
        let end = match rest.starts_with(is_mark) {
            true => 1,
            false => rest.find(|c: char| c.is_whitespace() || is_mark(c)).unwrap_or(rest.len()),
        };
        tokens.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(expression: &str) -> Result<bool, String> {
        is_met(expression, &|name| ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&name))
    }

    #[test]
    fn one_of_several_is_enough_and_all_of_several_are_needed() {
        assert_eq!(met("MIT"), Ok(true));
        assert_eq!(met("GPL-3.0"), Ok(false));
        assert_eq!(met("GPL-3.0 OR MIT"), Ok(true));
        assert_eq!(met("GPL-3.0/MIT"), Ok(true));
        assert_eq!(met("GPL-3.0 AND MIT"), Ok(false));
        assert_eq!(met("ISC AND MIT"), Ok(true));
    }

    #[test]
    fn and_binds_tighter_than_or_and_parentheses_tighter_still() {
        assert_eq!(met("MIT OR ISC AND GPL-3.0"), Ok(true));
        assert_eq!(met("(MIT OR ISC) AND GPL-3.0"), Ok(false));
        assert_eq!(met("(GPL-3.0 OR ISC) AND MIT"), Ok(true));
    }

    #[test]
    fn a_licence_with_an_exception_is_another_licence() {
        assert_eq!(met("Apache-2.0 WITH LLVM-exception"), Ok(true));
        assert_eq!(met("Apache-2.0"), Ok(false));
        assert_eq!(met("MIT WITH Classpath-exception"), Ok(false));
    }

    #[test]
    fn what_is_no_expression_is_an_error() {
        assert!(met("").is_err());
        assert!(met("MIT OR").is_err());
        assert!(met("MIT ISC").is_err());
        assert!(met("(MIT").is_err());
        assert!(met("AND MIT").is_err());
    }
}
