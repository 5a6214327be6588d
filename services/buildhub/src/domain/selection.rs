// SPDX-License-Identifier: MPL-2.0
//! The state of the search page: what its address says, and the search body that follows from it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::search_text::query_string;

/// Rows of a page.
const PAGE_SIZE: u64 = 30;
/// Rows that can be paged through: the engine's window.
const WINDOW: u64 = 10_000;
/// Longest address part that is looked at.
const MAX_TEXT_CHARS: usize = 1_000;
/// Most chosen values per facet.
const MAX_CHOSEN: usize = 50;

/// What hits can be narrowed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FacetName {
    /// The product.
    Product,
    /// The version.
    Version,
    /// The platform.
    Platform,
    /// The channel.
    Channel,
    /// The locale.
    Locale,
}

impl FacetName {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 5] = [
        Self::Product,
        Self::Version,
        Self::Platform,
        Self::Channel,
        Self::Locale,
    ];

    /// Returns the name in the address; other tools build such links.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Product => "products",
            Self::Version => "versions",
            Self::Platform => "platform",
            Self::Channel => "channel",
            Self::Locale => "locale",
        }
    }

    /// Returns the field of the index.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Product => "source.product",
            Self::Version => "target.version",
            Self::Platform => "target.platform",
            Self::Channel => "target.channel",
            Self::Locale => "target.locale",
        }
    }

    /// Returns the heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Product => "Product",
            Self::Version => "Version",
            Self::Platform => "Platform",
            Self::Channel => "Channel",
            Self::Locale => "Locale",
        }
    }
}

/// A facet with the values chosen in it; any of them will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// Which one.
    pub name: FacetName,
    /// The chosen values.
    pub chosen: BTreeSet<String>,
}

/// Order of the hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Newest publication first.
    #[default]
    Published,
    /// Newest build first.
    BuildDate,
}

impl Sort {
    /// Returns the word in the address.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Published => "download.date_desc",
            Self::BuildDate => "build.date_desc",
        }
    }
}

/// Everything that the address of the search page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The typed text.
    pub text: String,
    /// The facets, in the order of the page.
    pub facets: Vec<Facet>,
    /// The order.
    pub sort: Sort,
    /// The page, from 1.
    pub page: u64,
}

impl Default for Selection {
    fn default() -> Self {
        let facet = |name| Facet {
            name,
            chosen: BTreeSet::new(),
        };
        Self {
            text: String::new(),
            facets: FacetName::ALL.map(facet).into(),
            sort: Sort::default(),
            page: 1,
        }
    }
}

impl Selection {
    /// Reads the parameters of an address; what it does not know it ignores.
    pub fn parse(pairs: &[(String, String)]) -> Self {
        let mut selection = Self::default();
        for (key, value) in pairs {
            let value: String = value.chars().take(MAX_TEXT_CHARS).collect();
            match key.as_str() {
                "q" => selection.text = value,
                "sort" if value == Sort::BuildDate.parameter() => selection.sort = Sort::BuildDate,
                "p" => selection.page = value.parse().unwrap_or(1).max(1),
                key => selection.choose(key, value),
            }
        }
        selection.page = selection.page.min(WINDOW / PAGE_SIZE);
        selection
    }

    /// Notes `versions[0]=61.0`; the number does not matter.
    fn choose(&mut self, key: &str, value: String) {
        let name = key.split('[').next().unwrap_or_default();
        let found = self
            .facets
            .iter_mut()
            .find(|facet| facet.name.parameter() == name);
        if let Some(facet) = found.filter(|f| f.chosen.len() < MAX_CHOSEN && !value.is_empty()) {
            facet.chosen.insert(value);
        }
    }

    /// Returns whether anything is narrowed down.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.facets.iter().all(|facet| facet.chosen.is_empty())
    }

    /// Returns the number of the last page for so many hits.
    pub fn last_page(total: u64) -> u64 {
        total
            .min(WINDOW)
            .div_ceil(PAGE_SIZE)
            .clamp(1, WINDOW / PAGE_SIZE)
    }

    /// Returns the address of this state.
    pub fn address(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !self.text.is_empty() {
            query.append_pair("q", &self.text);
        }
        for facet in &self.facets {
            for (i, value) in facet.chosen.iter().enumerate() {
                query.append_pair(&format!("{}[{i}]", facet.name.parameter()), value);
            }
        }
        if self.sort != Sort::default() {
            query.append_pair("sort", self.sort.parameter());
        }
        if self.page > 1 {
            query.append_pair("p", &self.page.to_string());
        }
        let query = query.finish();
        if query.is_empty() {
            "/".to_owned()
        } else {
            format!("/?{query}")
        }
    }

    /// Returns the state with a value of a facet chosen or, if it was, given up; on the first page.
    pub fn toggled(&self, name: FacetName, value: &str) -> Self {
        let mut other = Self {
            page: 1,
            ..self.clone()
        };
        if let Some(facet) = other.facets.iter_mut().find(|facet| facet.name == name)
            && !facet.chosen.remove(value)
        {
            facet.chosen.insert(value.to_owned());
        }
        other
    }

    /// Returns the state in another order, on the first page.
    pub fn sorted(&self, sort: Sort) -> Self {
        Self {
            sort,
            page: 1,
            ..self.clone()
        }
    }

    /// Returns the state on another page.
    pub fn on_page(&self, page: u64) -> Self {
        Self {
            page,
            ..self.clone()
        }
    }

    /// Returns the search body. Each facet counts what the other facets leave, so that a second value
    /// of the same facet can be seen and chosen.
    pub fn body(&self) -> Value {
        let counts: Map<String, Value> = self
            .facets
            .iter()
            .map(|facet| {
                let values = json!({"terms": {
                    "field": facet.name.field(),
                    "size": 1_000,
                    "order": order(facet.name),
                }});
                let filter = self.filter(Some(facet.name));
                let counted = json!({"filter": filter, "aggs": {"values": values}});
                (facet.name.parameter().to_owned(), counted)
            })
            .collect();
        let sort = match self.sort {
            Sort::Published => "download.date",
            Sort::BuildDate => "build.date",
        };
        let query = match self.text.trim() {
            "" => json!({"match_all": {}}),
            text => query_string(text),
        };
        json!({
            "query": query,
            "post_filter": self.filter(None),
            "aggs": counts,
            "size": PAGE_SIZE,
            "from": (self.page - 1).saturating_mul(PAGE_SIZE),
            "sort": [{sort: "desc"}],
        })
    }

    fn filter(&self, without: Option<FacetName>) -> Value {
        let clauses: Vec<Value> = self
            .facets
            .iter()
            .filter(|facet| Some(facet.name) != without && !facet.chosen.is_empty())
            .map(|facet| json!({"terms": {facet.name.field(): facet.chosen}}))
            .collect();
        if clauses.is_empty() {
            json!({"match_all": {}})
        } else {
            json!({"bool": {"filter": clauses}})
        }
    }
}

/// Versions come newest first, as text; everything else most frequent first.
fn order(name: FacetName) -> Value {
    match name {
        FacetName::Version => json!({"_key": "desc"}),
        _ => json!({"_count": "desc"}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Selection {
        let query = address.split_once('?').map_or("", |(_, query)| query);
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        Selection::parse(&pairs)
    }

    #[test]
    fn the_address_holds_the_whole_state() {
        let address = "/?q=firefox+61&products%5B0%5D=firefox&versions%5B0%5D=61.0\
            &versions%5B1%5D=62.0&sort=build.date_desc&p=3";
        assert_eq!(of(address).address(), address);
        assert_eq!(of("/").address(), "/");
    }

    #[test]
    fn links_of_other_tools_and_nonsense_are_read_kindly() {
        let selection = of("/?platform[7]=win64&platform=linux&p=-1&sort=x&versions[0]=&what=1");
        assert_eq!(
            selection.address(),
            "/?platform%5B0%5D=linux&platform%5B1%5D=win64"
        );
        assert_eq!(of("/?p=99999999999999999999").page, 1);
        assert_eq!(of("/?p=99999").page, 333);
    }

    #[test]
    fn choosing_twice_gives_up_and_goes_back_to_the_first_page() {
        let selection = of("/?p=4");
        let chosen = selection.toggled(FacetName::Channel, "beta");
        assert_eq!(chosen.address(), "/?channel%5B0%5D=beta");
        assert_eq!(chosen.toggled(FacetName::Channel, "beta").address(), "/");
    }

    #[test]
    fn a_facet_counts_what_the_others_leave_and_its_values_are_alternatives() {
        let body = of("/?platform[0]=win32&platform[1]=win64&channel[0]=beta&p=2").body();
        let channel = json!({"terms": {"target.channel": ["beta"]}});
        let platform = json!({"terms": {"target.platform": ["win32", "win64"]}});
        assert_eq!(
            body["post_filter"],
            json!({"bool": {"filter": [platform, channel]}})
        );
        assert_eq!(
            body["aggs"]["platform"]["filter"],
            json!({"bool": {"filter": [channel]}})
        );
        assert_eq!((&body["from"], &body["size"]), (&json!(30), &json!(30)));
        assert_eq!(body["sort"], json!([{"download.date": "desc"}]));
        assert_eq!(body["query"], json!({"match_all": {}}));
    }

    #[test]
    fn the_last_page_ends_at_the_window_of_the_engine() {
        assert_eq!(
            [0, 1, 30, 31, 9_999_999].map(Selection::last_page),
            [1, 1, 1, 2, 333]
        );
    }
}
