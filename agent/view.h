/* SPDX-License-Identifier: MIT */
/*
 * view - the documents of report.h as text for people, one function per verb of tacit(8). A member
 * that is missing is shown as unknown, never taken for an error: daemon and command may be of
 * different versions.
 */
#ifndef TACIT_AGENT_VIEW_H
#define TACIT_AGENT_VIEW_H

#include "render.h"

/* @document is borrowed. */
typedef void tacit_view(const struct tacit_render *render, const json_t *document);

tacit_view tacit_view_status;
tacit_view tacit_view_anomalies;
tacit_view tacit_view_explain;
tacit_view tacit_view_model;
tacit_view tacit_view_privacy;
tacit_view tacit_view_features;

/* Says so when the daemon is down, and of when its last words are. */
tacit_view tacit_view_source;

/* The table of features as Markdown: docs/features.md. */
void tacit_view_features_markdown(FILE *out);

/* "  epsilon 1.92 of 8.00" and a bar; shared by two verbs. */
tacit_view tacit_view_budget;

#endif /* TACIT_AGENT_VIEW_H */
