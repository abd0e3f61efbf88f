/* Blocks of a kernel on one thread of the host: threads take turns between the places where they wait for one another.

   Two orders of threads and blocks are all that a caller chooses; what is right depends on neither. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DONE, BARRIER, WARP, FAULT, RUNS };
enum { FINISHED, ACCESS, PARTED, STUCK };

typedef struct { /* what the threads of a block share */
    int64_t parameters, shared, base, size, shadow;
    int32_t ctaid[3], nctaid[3], ntid[3], agreed, fault_line, fault_thread;
    int64_t fault_address;
    int64_t shared_size, shared_shadow; /* and how a block's memory looks at its start */
} Environment;

typedef struct { /* the head of a thread's frame; what it keeps while it waits follows */
    int32_t resume, status;
    Environment *environment;
    int32_t tid[3], lane, told, turn;
    int64_t given[2], warp, size, unused;
    uint32_t words[2][32][6]; /* what it gives to products of matrices, now and the time before */
} Frame;

typedef int (*Step)(Frame *);

static Frame *frame_of(char *frames, int64_t size, int64_t i) { return (Frame *)(frames + i * size); }

/* Copies that a thread has asked for, and not yet waited for: they come no sooner than that. */
typedef struct { Frame *by; int64_t to, from, bytes; } Copy;
static __thread Copy *copies;
static __thread int64_t n_copies, room_for_copies;

void stand_in_copy(Frame *by, int64_t to, int64_t from, int32_t bytes)
{
    if (n_copies == room_for_copies) copies = realloc(copies, (room_for_copies = 2 * n_copies + 64) * sizeof(Copy));
    memset((void *)(to + by->environment->shadow), 1, 4); /* allocated, and nothing that may be read meanwhile */
    copies[n_copies++] = (Copy){by, to, from, bytes};
}

void stand_in_arrive(Frame *by)
{
    int64_t left = 0;
    for (int64_t i = 0; i < n_copies; i++) {
        Copy one = copies[i];
        if (one.by != by) { copies[left++] = one; continue; }
        memset((void *)one.to, 0, 4);
        memcpy((void *)one.to, (void *)one.from, one.bytes);
        memset((void *)(one.to + by->environment->shadow), 3, 4);
    }
    n_copies = left;
}

static double half(uint32_t bits)
{
    int exponent = bits >> 10 & 31, digits = bits & 1023;
    double value = exponent == 31 ? (digits ? NAN : INFINITY)
                                  : ldexp(exponent ? 1024 + digits : digits, (exponent ? exponent : 1) - 25);
    return bits & 0x8000 ? -value : value;
}

/* The sum of n numbers as the coarsest of devices has it: each is cut to the last digit that a float of the largest's
   magnitude has, and so is their sum. */
static float cut_sum(const double *values, int n)
{
    double largest = 0, total = 0;
    for (int i = 0; i < n; i++) largest = fmax(largest, fabs(values[i]));
    if (!(largest > 0) || isinf(largest)) {
        for (int i = 0; i < n; i++) total += values[i];
        return (float)total;
    }
    double unit = ldexp(1, ilogb(largest) - 23);
    for (int i = 0; i < n; i++) total += trunc(values[i] / unit) * unit;
    if (total == 0) return 0;
    unit = ldexp(1, ilogb(total) - 23);
    return (float)(trunc(total / unit) * unit);
}

/* What the thread is answered by mma.m16n8k16 of halves, or m16n8k32 of bytes, added to sums, in place. */
void stand_in_multiply(Frame *me, int32_t of_halves, int32_t which, int32_t last, uint32_t *sums)
{
    int parity = me->turn & 1;
    me->turn += last;
    for (int i = 0; i < 4; i++) {
        int row = me->lane / 4, column = 2 * (me->lane % 4) + i % 2, n = 1;
        double values[17];
        float before;
        memcpy(&before, &sums[i], 4);
        values[0] = before;
        for (int t = 0; t < 4; t++) {
            uint32_t *a = ((Frame *)(me->warp + (4 * row + t) * me->size))->words[parity][which] + i / 2;
            uint32_t *b = ((Frame *)(me->warp + (4 * column + t) * me->size))->words[parity][which] + 4;
            for (int part = 0; part < 2; part++) {
                uint32_t x = a[2 * part], y = b[part];
                if (of_halves) {
                    values[n++] = half(x & 0xFFFF) * half(y & 0xFFFF);
                    values[n++] = half(x >> 16) * half(y >> 16);
                } else
                    for (int shift = 0; shift < 32; shift += 8)
                        sums[i] += (uint32_t)((int32_t)(int8_t)(x >> shift) * (int8_t)(y >> shift));
            }
        }
        if (of_halves) {
            float sum = cut_sum(values, n);
            memcpy(&sums[i], &sum, 4);
        }
    }
}

/* Threads of a warp that wait for each other go on once all wait in the same place; naming fewer meets nobody. */
static int meet(char *frames, int64_t size, int32_t n)
{
    int met = 0;
    for (int32_t first = 0; first < n; first += 32)
        for (int32_t i = first; i < n && i < first + 32; i++) {
            Frame *one = frame_of(frames, size, i);
            if (one->status != WARP) continue;
            uint32_t named = (uint32_t)one->told;
            int all = named == 0xFFFFFFFFu;
            for (int32_t j = first; j < first + 32 && all; j++)
                if (named >> (j - first) & 1) {
                    Frame *other = frame_of(frames, size, j);
                    all = j < n && other->status == WARP && other->resume == one->resume && other->told == one->told;
                }
            if (!all) continue;
            for (int32_t j = first; j < first + 32; j++)
                if (named >> (j - first) & 1) frame_of(frames, size, j)->status = RUNS;
            met = 1;
        }
    return met;
}

static int run_block(Step step, char *frames, int64_t size, int32_t n, const int32_t *order, Environment *shared)
{
    for (;;) {
        for (int32_t at = 0; at < n; at++) {
            Frame *one = frame_of(frames, size, order[at]);
            if (one->status != RUNS) continue;
            one->status = step(one);
            if (one->status == FAULT) { shared->fault_thread = order[at]; return ACCESS; }
        }
        if (meet(frames, size, n)) continue;
        int32_t done = 0, waiting = 0, agreed = 0;
        for (int32_t i = 0; i < n; i++) {
            Frame *one = frame_of(frames, size, i), *warp = frame_of(frames, size, i - i % 32);
            done += one->status == DONE;
            waiting += one->status == BARRIER;
            agreed |= one->status == BARRIER && one->told;
            if (one->status == BARRIER && warp->status == BARRIER && warp->resume != one->resume) {
                shared->fault_thread = i;
                return PARTED;
            }
        }
        if (done == n) return FINISHED;
        if (waiting != n) {
            for (int32_t i = 0; i < n; i++)
                if (frame_of(frames, size, i)->status != DONE) shared->fault_thread = i;
            return STUCK;
        }
        shared->agreed = agreed;
        for (int32_t i = 0; i < n; i++) frame_of(frames, size, i)->status = RUNS;
    }
}

/* All blocks of a grid, in the order given; the first that fails ends it, its number in `shared`. */
int stand_in_run(Step step, char *frames, int64_t size, const int32_t *order, const int64_t *blocks, int64_t n_blocks,
                 Environment *shared)
{
    int32_t *dim = shared->ntid, n = dim[0] * dim[1] * dim[2];
    for (int64_t at = 0; at < n_blocks; at++) {
        int64_t block = blocks[at];
        shared->ctaid[0] = (int32_t)(block % shared->nctaid[0]);
        shared->ctaid[1] = (int32_t)(block / shared->nctaid[0] % shared->nctaid[1]);
        shared->ctaid[2] = (int32_t)(block / shared->nctaid[0] / shared->nctaid[1]);
        memset((void *)shared->shared, 0xCB, shared->shared_size);
        memcpy((void *)(shared->shared + shared->shadow), (void *)shared->shared_shadow, shared->shared_size);
        for (int32_t i = 0; i < n; i++) {
            Frame *one = frame_of(frames, size, i);
            *one = (Frame){0};
            one->status = RUNS;
            one->environment = shared;
            one->tid[0] = i % dim[0];
            one->tid[1] = i / dim[0] % dim[1];
            one->tid[2] = i / dim[0] / dim[1];
            one->lane = i % 32;
            one->warp = (int64_t)frame_of(frames, size, i - i % 32);
            one->size = size;
        }
        n_copies = 0;
        int ended = run_block(step, frames, size, n, order, shared);
        if (ended != FINISHED) return ended;
    }
    return FINISHED;
}
