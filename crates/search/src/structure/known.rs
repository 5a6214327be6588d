// SPDX-License-Identifier: MPL-2.0
//! Names that the web layer of old knew. A name outside these lists never reached the engine.

const QUERIES: &[&str] = &[
    "bool",
    "boosting",
    "common",
    "constant_score",
    "dis_max",
    "distance_feature",
    "exists",
    "field_masking_span",
    "filtered",
    "function_score",
    "fuzzy",
    "fuzzy_like_this",
    "fuzzy_like_this_field",
    "geo_bounding_box",
    "geo_distance",
    "geo_distance_range",
    "geo_polygon",
    "geo_shape",
    "geohash_cell",
    "has_child",
    "has_parent",
    "ids",
    "indices",
    "limit",
    "match",
    "match_all",
    "match_none",
    "match_phrase",
    "match_phrase_prefix",
    "more_like_this",
    "more_like_this_field",
    "multi_match",
    "nested",
    "parent_id",
    "percolate",
    "prefix",
    "query_string",
    "range",
    "rank_feature",
    "regexp",
    "script",
    "simple_query_string",
    "span_containing",
    "span_first",
    "span_multi",
    "span_near",
    "span_not",
    "span_or",
    "span_term",
    "span_within",
    "template",
    "term",
    "terms",
    "terms_set",
    "top_children",
    "type",
    "wildcard",
];

const AGGREGATIONS: &[&str] = &[
    "adjacency_matrix",
    "auto_date_histogram",
    "avg",
    "avg_bucket",
    "bucket_script",
    "bucket_selector",
    "bucket_sort",
    "cardinality",
    "children",
    "composite",
    "cumulative_sum",
    "date_histogram",
    "date_range",
    "derivative",
    "diversified_sampler",
    "extended_stats",
    "extended_stats_bucket",
    "filter",
    "filters",
    "geo_bounds",
    "geo_centroid",
    "geo_distance",
    "geohash_grid",
    "geotile_grid",
    "global",
    "histogram",
    "ip_range",
    "matrix_stats",
    "max",
    "max_bucket",
    "median_absolute_deviation",
    "min",
    "min_bucket",
    "missing",
    "moving_avg",
    "moving_fn",
    "nested",
    "parent",
    "percentile_ranks",
    "percentiles",
    "percentiles_bucket",
    "range",
    "reverse_nested",
    "sampler",
    "scripted_metric",
    "serial_diff",
    "significant_terms",
    "significant_text",
    "stats",
    "stats_bucket",
    "sum",
    "sum_bucket",
    "terms",
    "top_hits",
    "value_count",
    "weighted_avg",
];

/// Tells whether a query clause of that name reached the engine.
pub fn is_query(name: &str) -> bool {
    QUERIES.contains(&name)
}

/// Tells whether an aggregation of that type reached the engine.
pub fn is_aggregation(name: &str) -> bool {
    AGGREGATIONS.contains(&name)
}

/// Tells whether a member of a clause holds further clauses.
pub fn holds_queries(clause: &str, member: &str) -> bool {
    matches!(
        (clause, member),
        ("bool", "must" | "filter" | "should" | "must_not")
            | ("constant_score", "filter" | "query")
            | ("boosting", "positive" | "negative")
            | ("dis_max", "queries")
            | ("function_score" | "nested", "query")
    )
}
