/* SPDX-License-Identifier: MIT */
/* Asks the kernel itself, without a daemon: opens a sensor of the deep tier, and looks at it. */
#include "cli_private.h"

#include "probe_table.h"
#include "report.h"
#include "sensor.h"

static int open_sensor(const struct tacit_cli *cli, struct tacit_sensor **ret)
{
	const struct tacit_sensor_params params = { .tier = TACIT_TIER_DEEP };
	char why[TACIT_SENSOR_WHY_LEN] = "";
	int r = tacit_sensor_open(&params, ret, why, sizeof(why));

	if (r == 0)
		return TACIT_EXIT_OK;
	tacit_cli_complain(cli, "%s", why[0] ? why : tacit_strerror(r));
	return r == -ENOMEM ? TACIT_EXIT_FAILED : TACIT_EXIT_MACHINE;
}

static json_t *document_of(const struct tacit_sensor_status *status)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:o}", "tacit", TACIT_VERSION, "tier",
			 status->tier == TACIT_TIER_DEEP ? "deep" : "light", "features_observed",
			 (json_int_t)status->features_observed, "features_total",
			 (json_int_t)status->features_total, "probes", tacit_report_probes(status));
}

static int print_json(const struct tacit_cli *cli, const struct tacit_sensor_status *status)
{
	json_auto_t *document = document_of(status);

	if (document)
		return tacit_cli_print(cli, document, NULL);
	tacit_cli_complain(cli, "%s", tacit_strerror(-ENOMEM));
	return TACIT_EXIT_FAILED;
}

int tacit_cli_probe(const struct tacit_cli *cli)
{
	TACIT_CLEANUP(tacit_sensor_close_p) struct tacit_sensor *sensor = NULL;
	struct tacit_sensor_status status;
	int r = open_sensor(cli, &sensor);

	if (r != TACIT_EXIT_OK)
		return r;
	tacit_sensor_status(sensor, &status);
	if (cli->options.json)
		return print_json(cli, &status);
	tacit_probe_table_put(cli->io->out, &status);
	return fflush(cli->io->out) == 0 && !ferror(cli->io->out) ? TACIT_EXIT_OK
								  : TACIT_EXIT_FAILED;
}
