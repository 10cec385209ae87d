/*
 * libnghttp2's side of the HPACK benchmark: reads the corpus from a file, decodes or encodes all of it over and over, and
 * prints the nanoseconds of CPU time per field.
 *
 *     hpack-nghttp2 <file> decode|encode <times>
 *
 * File, all numbers 32 bits in the machine's order: connections; for each its number of sections; for each of those the
 * length of its block and the block, the number of its fields, and for each field name and value with their lengths.
 */

#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
  const uint8_t *block;
  size_t block_length;
  nghttp2_nv *fields;
  size_t count;
} section;

typedef struct {
  section *sections;
  size_t count;
} connection;

static const uint8_t *cursor;

static uint32_t number(void) {
  uint32_t value;
  memcpy(&value, cursor, sizeof value);
  cursor += sizeof value;
  return value;
}

static uint8_t *octets(size_t *length) {
  *length = number();
  uint8_t *start = (uint8_t *)cursor;
  cursor += *length;
  return start;
}

static void check(long code, const char *what) {
  if (code >= 0) return;
  fprintf(stderr, "%s: %s\n", what, nghttp2_strerror((int)code));
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static size_t decode(const connection *one) {
  nghttp2_hd_inflater *inflater;
  size_t octets_seen = 0;
  check(nghttp2_hd_inflate_new(&inflater), "inflate_new");
  for (size_t i = 0; i < one->count; i++) {
    const uint8_t *in = one->sections[i].block;
    size_t left = one->sections[i].block_length;
    for (;;) {
      nghttp2_nv field;
      int flags = 0;
      ssize_t used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, in, left, 1);
      check(used, "inflate");
      in += used;
      left -= (size_t)used;
      if (flags & NGHTTP2_HD_INFLATE_EMIT) octets_seen += field.namelen + field.valuelen;
      if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
    }
    nghttp2_hd_inflate_end_headers(inflater);
  }
  nghttp2_hd_inflate_del(inflater);
  return octets_seen;
}

static size_t encode(const connection *one) {
  static uint8_t out[65536];
  nghttp2_hd_deflater *deflater;
  size_t octets_made = 0;
  check(nghttp2_hd_deflate_new(&deflater, 4096), "deflate_new");
  for (size_t i = 0; i < one->count; i++) {
    ssize_t length = nghttp2_hd_deflate_hd(deflater, out, sizeof out, one->sections[i].fields, one->sections[i].count);
    check(length, "deflate");
    octets_made += (size_t)length;
  }
  nghttp2_hd_deflate_del(deflater);
  return octets_made;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  size_t (*work)(const connection *) = strcmp(argv[2], "decode") == 0 ? decode : encode;
  int repeat = atoi(argv[3]);
  FILE *file = fopen(argv[1], "rb");
  if (file == NULL) return 2;
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  uint8_t *content = malloc(size);
  if (fread(content, 1, size, file) != size) return 2;
  fclose(file);

  cursor = content;
  size_t fields = 0;
  size_t connections = number();
  connection *all = calloc(connections, sizeof *all);
  for (size_t c = 0; c < connections; c++) {
    all[c].count = number();
    all[c].sections = calloc(all[c].count, sizeof(section));
    for (size_t i = 0; i < all[c].count; i++) {
      section *one = &all[c].sections[i];
      one->block = octets(&one->block_length);
      one->count = number();
      one->fields = calloc(one->count, sizeof(nghttp2_nv));
      for (size_t f = 0; f < one->count; f++) {
        one->fields[f].name = octets(&one->fields[f].namelen);
        one->fields[f].value = octets(&one->fields[f].valuelen);
      }
      fields += one->count;
    }
  }

  size_t octets_total = 0;
  for (size_t c = 0; c < connections; c++) octets_total += work(&all[c]);
  double start = now();
  for (int i = 0; i < repeat; i++) {
    for (size_t c = 0; c < connections; c++) octets_total += work(&all[c]);
  }
  printf("%.2f\n", (now() - start) / ((double)fields * repeat));
  return octets_total == 0;
}
