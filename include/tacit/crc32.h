/* SPDX-License-Identifier: MIT */
/*
 * CRC-32 as in gzip, PNG and Ethernet (reflected polynomial 0xedb88320): finds damage, any burst of
 * up to 32 bits for certain. It is no defence against anybody.
 */
#ifndef TACIT_CRC32_H
#define TACIT_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t tacit_crc32(const void *data, size_t len);

#endif /* TACIT_CRC32_H */
