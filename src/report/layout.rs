//! The layout of a table: which columns it has, on which line of a row each is, and how wide. Of widths only; no text is
//! known here.

/// How far the lines of a row but its first are indented.
pub(super) const INDENT: usize = 2;

/// Whether a column has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is there, on a line of its own if need be.
    Always,
    /// It is there if no row needs another line for it, with the columns as narrow as they can be.
    IfItFits,
    /// It is there if no row needs another line for it, with the columns as wide as is good to read.
    IfThereIsRoom,
}

/// What a column asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    /// Whether it has to be there.
    pub(super) claim: Claim,
    /// Whether it gets the width that is good to read before others get any that is left, and before there are others that need not
    /// be there.
    pub(super) is_dear: bool,
    /// The least width at which it can be read.
    pub(super) least: usize,
    /// The width at which it is good to read.
    pub(super) good: usize,
    /// The width at which all of it is there.
    pub(super) whole: usize,
}

/// How much is between two columns of a table that is `width` wide.
pub(super) fn gap(width: usize) -> usize {
    if width < 100 { 1 } else { 2 }
}

/// A column that is there: its number, and its width.
pub(super) type Placed = (usize, usize);

/// The lines of a row of a table that is `width` wide. Columns keep their order; of those that need not be there, the first come
/// first.
pub(super) fn lay_out(demands: &[Demand], width: usize) -> Vec<Vec<Placed>> {
    let ask = |size: fn(&Demand) -> usize| move |column: usize| demands.get(column).map_or(0, size);
    let claiming = |claim: Claim| {
        demands.iter().enumerate().filter(move |(_, demand)| demand.claim == claim).map(|(column, _)| column)
    };
    let (least, good) = (ask(|demand| demand.least), ask(|demand| demand.good));
    let mut chosen: Vec<usize> = claiming(Claim::Always).collect();
    let lines = wrap(&chosen, least, width).len();
    let fair = ask(|demand| if demand.is_dear { demand.good } else { demand.least });
    for (claim, size) in [(Claim::IfItFits, fair), (Claim::IfThereIsRoom, good)] {
        for column in claiming(claim) {
            let mut more = [&chosen, &[column][..]].concat();
            more.sort_unstable();
            if wrap(&more, size, width).len() <= lines {
                chosen = more;
            }
        }
    }
    let lines = wrap(&chosen, least, width).into_iter().enumerate();
    lines
        .map(|(line, columns)| {
            let gaps = gap(width) * columns.len().saturating_sub(1);
            widen(&columns, demands, room(line, width).saturating_sub(gaps))
        })
        .collect()
}

/// How wide a line of a row can be.
fn room(line: usize, width: usize) -> usize {
    if line == 0 { width } else { width.saturating_sub(INDENT) }
}

/// Puts columns on lines, as many on each as go there.
fn wrap(columns: &[usize], size: impl Fn(usize) -> usize, width: usize) -> Vec<Vec<usize>> {
    let mut lines: Vec<Vec<usize>> = Vec::new();
    let mut used = 0;
    for &column in columns {
        let number = lines.len().saturating_sub(1);
        match lines.last_mut() {
            Some(line) if used + gap(width) + size(column) <= room(number, width) => {
                used += gap(width) + size(column);
                line.push(column);
            }
            _ => {
                used = size(column);
                lines.push(vec![column]);
            }
        }
    }
    lines
}

/// Gives the columns of a line, which have `room` without what is between them, what is left of it: first to those that are dear
/// until they are good to read, then always to the narrowest that is not whole, so that one long value takes nothing from the
/// other columns.
fn widen(columns: &[usize], demands: &[Demand], room: usize) -> Vec<Placed> {
    let mut placed: Vec<(Placed, &Demand)> = columns
        .iter()
        .filter_map(|&column| demands.get(column).map(|demand| ((column, demand.least), demand)))
        .collect();
    let used = placed.iter().map(|((_, width), _)| width).sum::<usize>();
    let mut left = room.saturating_sub(used);
    let dear: fn(&Demand) -> usize = |demand| if demand.is_dear { demand.good } else { 0 };
    for most in [dear, |demand| demand.whole] {
        while left > 0 {
            let narrow = placed.iter_mut().filter(|((_, width), demand)| *width < most(demand));
            let Some(((_, width), _)) = narrow.min_by_key(|((_, width), _)| *width) else { break };
            *width += 1;
            left -= 1;
        }
    }
    placed.into_iter().map(|(placed, _)| placed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(claim: Claim, least: usize, good: usize, whole: usize) -> Demand {
        Demand { claim, is_dear: false, least, good, whole }
    }

    #[test]
    fn a_column_that_has_to_be_there_gets_a_line_of_its_own_if_need_be() {
        let demands = [demand(Claim::Always, 10, 10, 10); 3];
        assert_eq!(lay_out(&demands, 32), [vec![(0, 10), (1, 10), (2, 10)]]);
        assert_eq!(lay_out(&demands, 31), [vec![(0, 10), (1, 10)], vec![(2, 10)]]);
        assert_eq!(lay_out(&demands, 5), [vec![(0, 10)], vec![(1, 10)], vec![(2, 10)]]);
    }

    #[test]
    fn other_columns_are_there_if_they_need_no_line() {
        let always = demand(Claim::Always, 10, 20, 30);
        let fits = demand(Claim::IfItFits, 5, 5, 5);
        let room = demand(Claim::IfThereIsRoom, 5, 5, 5);
        assert_eq!(lay_out(&[always, fits], 15), [vec![(0, 15)]]);
        assert_eq!(lay_out(&[always, fits], 16), [vec![(0, 10), (1, 5)]]);
        assert_eq!(lay_out(&[always, room], 25), [vec![(0, 25)]]);
        assert_eq!(lay_out(&[always, room], 26), [vec![(0, 20), (1, 5)]]);
    }

    #[test]
    fn one_long_value_takes_nothing_from_the_other_columns() {
        let demands = [demand(Claim::Always, 5, 5, 9), demand(Claim::Always, 5, 5, 9000)];
        assert_eq!(lay_out(&demands, 40), [vec![(0, 9), (1, 30)]]);
        assert_eq!(lay_out(&demands, 140), [vec![(0, 9), (1, 129)]]);
    }

    #[test]
    fn what_is_dear_is_cut_last() {
        let dear = Demand { is_dear: true, ..demand(Claim::Always, 15, 24, 24) };
        let demands = [demand(Claim::Always, 8, 16, 16), dear];
        assert_eq!(lay_out(&demands, 33), [vec![(0, 8), (1, 24)]]);
        assert_eq!(lay_out(&demands, 36), [vec![(0, 11), (1, 24)]]);
        assert_eq!(lay_out(&demands, 30), [vec![(0, 8), (1, 21)]]);
    }
}
