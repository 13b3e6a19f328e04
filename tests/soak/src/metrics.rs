//! The text of `/metrics`.

/// One line of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// The name with its labels, as written.
    pub(crate) series: String,
    /// The name alone.
    pub(crate) name: String,
    /// The value.
    pub(crate) value: f64,
}

/// The figures of a page of metrics; comments and lines of another form are passed over.
pub(crate) fn parse(text: &str) -> Vec<Figure> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            // A label's value may hold spaces: the series ends with the brace, if there is one.
            let end = line.rfind('}').map_or_else(|| line.find(' '), |brace| Some(brace + 1))?;
            let (series, rest) = line.split_at(end);
            let value = rest.split_whitespace().next()?.parse().ok()?;
            let name = series.split('{').next().unwrap_or(series).to_owned();
            Some(Figure { series: series.to_owned(), name, value })
        })
        .collect()
}

/// The sum over all labels of the metric called `name`, or else of the first counter whose name contains
/// every one of `words`. `None` if there is no such metric.
pub(crate) fn sum(figures: &[Figure], name: Option<&str>, words: &[&str]) -> Option<f64> {
    let fits = |figure: &&Figure| match name {
        Some(name) => figure.name == name || figure.name.strip_suffix("_total") == Some(name),
        None => figure.name.ends_with("_total") && words.iter().all(|word| figure.name.contains(word)),
    };
    let first = figures.iter().find(fits)?;
    Some(figures.iter().filter(|figure| figure.name == first.name).map(|figure| figure.value).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# TYPE lapwing_rows counter\n\
        lapwing_rows_total{rule=\"a b\",status=\"ok\"} 3\nlapwing_rows_total{rule=\"c\"} 4\n\
        lapwing_silence_rows_total 7\nlapwing_queue 1.5e1 1767571200\n# EOF\n";

    #[test]
    fn a_page_is_read() {
        let figures = parse(PAGE);
        assert_eq!(figures.len(), 4);
        assert_eq!(figures[0].series, "lapwing_rows_total{rule=\"a b\",status=\"ok\"}");
        assert_eq!(figures[3].value, 15.0);
    }

    #[test]
    fn sums_go_over_labels() {
        let figures = parse(PAGE);
        assert_eq!(sum(&figures, Some("lapwing_rows"), &[]), Some(7.0));
        assert_eq!(sum(&figures, None, &["silence"]), Some(7.0));
        assert_eq!(sum(&figures, None, &["accepted"]), None);
    }
}
