//! Snapshot and decision.

use std::sync::Arc;

use filterd_core::clients::NOWHERE;
use filterd_core::decide::{self, Person, Rewrite};
use filterd_core::matches::{Match, MatchKind, Matches};
use filterd_core::rdata::{name_to_text, name_to_wire};
use filterd_core::snapshot::{Asker, Snapshot as Core};
use filterd_core::urls;
use filterd_index::{Scope, Url};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;

use crate::rules::{parse_address, url_of, Index};

/// Type A: what stands for a URL where a rule is for some types of records.
const A: u16 = 1;

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct Decision {
    #[pyo3(get)]
    kind: &'static str,
    #[pyo3(get)]
    step: u8,
    #[pyo3(get)]
    class_id: i64,
    #[pyo3(get)]
    pattern: String,
    #[pyo3(get)]
    pattern_kind: &'static str,
    #[pyo3(get)]
    layer: u8,
    #[pyo3(get)]
    group: String,
    #[pyo3(get)]
    action: &'static str,
    #[pyo3(get)]
    rcode: u8,
    #[pyo3(get)]
    cname: Option<String>,
    #[pyo3(get)]
    answers: Vec<(u16, String)>,
    /// Where its line is found: that costs more than deciding, and few ask.
    hit: Option<(Arc<Core>, Match)>,
}

#[pymethods]
impl Decision {
    #[getter]
    fn line(&self) -> u32 {
        let hit = self.hit.as_ref();
        hit.map_or(0, |(core, hit)| line(core, hit, &self.pattern))
    }
}

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct Snapshot(pub(crate) Arc<Core>);

/// The client fields of a question, before they are looked up.
struct Asking {
    asker: Asker,
    name: Option<String>,
    tags: Option<Vec<String>>,
}

/// What is decided about: a name in wire form, or a URL.
enum Subject {
    Name(Vec<u8>),
    Url(Url),
}

/// Rank, class, kind, pattern, layer, line.
type Row = (u16, u32, &'static str, String, u8, u32);

impl Snapshot {
    /// Who asks: a named client brings its group and tags, `group` overrides the group.
    fn asking(
        &self,
        client: Option<&str>,
        group: Option<&str>,
        client_name: Option<String>,
        client_tags: Option<Vec<String>>,
    ) -> PyResult<Asking> {
        let address = client.map(parse_address).transpose()?;
        let mut asker = self.0.asker(address.unwrap_or(NOWHERE));
        asker.address = address;
        let mut tags = client_tags;
        if let Some(known) = client_name
            .as_deref()
            .and_then(|name| self.0.client_named(name))
        {
            asker.group = known.group;
            tags = tags.or_else(|| Some(known.tags.clone()));
        }
        if let Some(group) = group {
            asker.group = self
                .0
                .group_index(group)
                .ok_or_else(|| PyKeyError::new_err(format!("no group is called {group:?}")))?;
        }
        Ok(Asking {
            asker,
            name: client_name,
            tags,
        })
    }

    fn person<'a>(&'a self, asking: &'a Asking) -> Person<'a> {
        let mut person = self.0.person(&asking.asker);
        if asking.name.is_some() {
            person.name = asking.name.as_deref();
        }
        if let Some(tags) = &asking.tags {
            person.tags = tags;
        }
        person
    }

    fn pattern(&self, hit: &Match, subject: &Subject) -> String {
        match subject {
            Subject::Name(wire) => self.0.pattern_text(hit, wire),
            Subject::Url(url) => self.0.url_pattern(hit, url),
        }
    }

    fn found(&self, subject: &Subject) -> Matches {
        let mut found = Matches::new();
        match subject {
            Subject::Name(wire) => self.0.match_name(wire, &mut found),
            Subject::Url(url) => self.0.match_url(url, &mut found),
        }
        found
    }

    fn decided(&self, subject: &Subject, asking: &Asking, qtype: u16, now: f64) -> Decision {
        let found = self.found(subject);
        let person = self.person(asking);
        let decision = self.0.decide_for(&found, &person, qtype, now as i64);
        self.describe(&decision, person.group, subject)
    }

    fn rows(&self, subject: &Subject, asking: &Asking, qtype: u16, now: f64) -> Vec<Row> {
        let found = self.found(subject);
        let ranked = self
            .0
            .ranked(&found, &self.person(asking), qtype, now as i64);
        let row = |(rank, hit): (u16, Match)| {
            let pattern = self.pattern(&hit, subject);
            let line = line(&self.0, &hit, &pattern);
            (rank, hit.class, hit.kind.word(), pattern, hit.layer, line)
        };
        ranked.into_iter().map(row).collect()
    }
}

/// The line of the rule behind `hit`, 0 where nobody knows.
fn line(core: &Core, hit: &Match, pattern: &str) -> u32 {
    let Some(index) = core.index(hit.layer) else {
        return 0;
    };
    let class = hit.class - core.offset(hit.layer);
    let scope = match hit.kind {
        MatchKind::Exact => Scope::Exact,
        MatchKind::Subtree => Scope::Subtree,
        MatchKind::Below => Scope::Below,
        MatchKind::Regex => return index.regex_line(hit.pattern, class),
        MatchKind::Network => return index.network_line(hit.pattern, class),
        MatchKind::Url => {
            let line = index.url_line(pattern, urls::is_subtree(hit), class);
            return line.unwrap_or(0);
        }
    };
    // Lines that cannot be read leave the rule named all the same.
    index.line(pattern, scope, class).unwrap_or(0)
}

fn wire_of(name: &str) -> PyResult<Vec<u8>> {
    name_to_wire(name).map_err(PyValueError::new_err)
}

#[pymethods]
impl Snapshot {
    #[new]
    fn new(py: Python<'_>, indexes: Vec<Py<Index>>, plan: &str, generation: u64) -> PyResult<Self> {
        let indexes = indexes
            .iter()
            .map(|index| Arc::clone(&index.get().0))
            .collect();
        let built = py.detach(|| Core::new(indexes, plan, generation));
        Ok(Self(Arc::new(built.map_err(PyValueError::new_err)?)))
    }

    #[getter]
    fn generation(&self) -> u64 {
        self.0.generation
    }

    #[pyo3(signature = (name, qtype, now, *, client = None, group = None, client_name = None, client_tags = None))]
    #[allow(clippy::too_many_arguments)] // keyword arguments of the Python call
    fn decide(
        &self,
        name: &str,
        qtype: u16,
        now: f64,
        client: Option<&str>,
        group: Option<&str>,
        client_name: Option<String>,
        client_tags: Option<Vec<String>>,
    ) -> PyResult<Decision> {
        let asking = self.asking(client, group, client_name, client_tags)?;
        let subject = Subject::Name(wire_of(name)?);
        Ok(self.decided(&subject, &asking, qtype, now))
    }

    #[pyo3(signature = (url, now, *, client = None, group = None, client_name = None, client_tags = None))]
    #[allow(clippy::too_many_arguments)] // keyword arguments of the Python call
    fn decide_url(
        &self,
        url: &str,
        now: f64,
        client: Option<&str>,
        group: Option<&str>,
        client_name: Option<String>,
        client_tags: Option<Vec<String>>,
    ) -> PyResult<Decision> {
        let asking = self.asking(client, group, client_name, client_tags)?;
        Ok(self.decided(&Subject::Url(url_of(url)?), &asking, A, now))
    }

    #[pyo3(signature = (name, qtype, now, *, client = None, group = None, client_name = None, client_tags = None))]
    #[allow(clippy::too_many_arguments)] // keyword arguments of the Python call
    fn matches(
        &self,
        name: &str,
        qtype: u16,
        now: f64,
        client: Option<&str>,
        group: Option<&str>,
        client_name: Option<String>,
        client_tags: Option<Vec<String>>,
    ) -> PyResult<Vec<Row>> {
        let asking = self.asking(client, group, client_name, client_tags)?;
        let subject = Subject::Name(wire_of(name)?);
        Ok(self.rows(&subject, &asking, qtype, now))
    }

    #[pyo3(signature = (url, now, *, client = None, group = None, client_name = None, client_tags = None))]
    #[allow(clippy::too_many_arguments)] // keyword arguments of the Python call
    fn matches_url(
        &self,
        url: &str,
        now: f64,
        client: Option<&str>,
        group: Option<&str>,
        client_name: Option<String>,
        client_tags: Option<Vec<String>>,
    ) -> PyResult<Vec<Row>> {
        let asking = self.asking(client, group, client_name, client_tags)?;
        Ok(self.rows(&Subject::Url(url_of(url)?), &asking, A, now))
    }

    fn group_of(&self, client: &str) -> PyResult<&str> {
        let asker = self.0.asker(parse_address(client)?);
        Ok(&self.0.group(asker.group).name)
    }
}

impl Snapshot {
    fn describe(&self, decision: &decide::Decision<'_>, group: u16, subject: &Subject) -> Decision {
        let (mut rcode, mut cname, mut answers) = (0, None, Vec::new());
        match &decision.rewrite {
            Some(Rewrite::Rcode(code)) => rcode = *code,
            Some(Rewrite::Cname(target)) => cname = Some(name_to_text(target)),
            Some(Rewrite::Records(records)) => {
                answers = records.iter().map(|r| (r.rtype, r.text.clone())).collect();
            }
            None => {}
        }
        let hit = decision.hit.as_ref();
        let pattern = hit.map_or_else(String::new, |hit| self.pattern(hit, subject));
        Decision {
            kind: decision.kind.word(),
            step: decision.step,
            class_id: hit.map_or(-1, |hit| i64::from(hit.class)),
            pattern_kind: hit.map_or("", |hit| hit.kind.word()),
            layer: hit.map_or(0, |hit| hit.layer),
            pattern,
            group: self.0.group(group).name.clone(),
            action: hit.map_or("", |_| decision.action.word()),
            rcode,
            cname,
            answers,
            hit: hit.map(|hit| (Arc::clone(&self.0), *hit)),
        }
    }
}
