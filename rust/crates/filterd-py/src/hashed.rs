//! Lists of hashed URLs.

use std::path::Path;

use filterd_index::{self as index, HashedList};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::rules::{to_python, url_of};

/// Salt, bytes of an entry, entries, class.
type List = (Vec<u8>, usize, Vec<u8>, u32);
/// Class, what of the URL is listed, entry.
type Row<'py> = (u32, String, Bound<'py, PyBytes>);

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct HashedUrls(index::HashedUrls);

#[pymethods]
impl HashedUrls {
    #[staticmethod]
    #[allow(clippy::needless_pass_by_value)] // pyo3 hands vectors over
    fn build(py: Python<'_>, lists: Vec<List>) -> PyResult<Self> {
        let lists: Vec<_> = lists
            .iter()
            .map(|(salt, width, prefixes, class)| HashedList {
                salt,
                width: *width,
                prefixes,
                class: *class,
            })
            .collect();
        let built = py.detach(|| index::HashedUrls::build(&lists));
        built.map(Self).map_err(to_python)
    }

    #[staticmethod]
    fn open(py: Python<'_>, path: &str) -> PyResult<Self> {
        let opened = py.detach(|| index::HashedUrls::open(Path::new(path)));
        opened.map(Self).map_err(to_python)
    }

    fn save(&self, py: Python<'_>, path: &str) -> PyResult<()> {
        py.detach(|| self.0.save(Path::new(path)))
            .map_err(to_python)
    }

    #[pyo3(signature = (url, *, only = None))]
    #[allow(clippy::needless_pass_by_value)] // pyo3 hands vectors over
    fn matches<'py>(
        &self,
        py: Python<'py>,
        url: &str,
        only: Option<Vec<u32>>,
    ) -> PyResult<Vec<Row<'py>>> {
        let found = self.0.matches(&url_of(url)?, only.as_deref()).into_iter();
        Ok(found
            .map(|hit| (hit.class, hit.expression, PyBytes::new(py, &hit.entry)))
            .collect())
    }

    #[getter]
    fn counts(&self) -> Vec<(u32, usize)> {
        self.0.counts().collect()
    }
}
