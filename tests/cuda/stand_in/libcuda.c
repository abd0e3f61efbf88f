/* A driver by name alone: what each function is, Python says (tests/cuda/stand_in/driver.py). */
#include <stddef.h>

static void *(*resolve)(const char *name, int version) = NULL;

void stand_in_resolver(void *(*resolver)(const char *, int)) { resolve = resolver; }

/* For what is called when Python has ended already. */
int stand_in_nothing(void) { return 0; }

int cuGetProcAddress_v2(const char *name, void **function, int version, unsigned long long flags, int *status)
{
    (void)flags;
    *function = resolve ? resolve(name, version) : NULL;
    if (status)
        *status = *function ? 0 : 1; /* CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND */
    return *function ? 0 : 500;      /* CUDA_ERROR_NOT_FOUND */
}

int cuGetProcAddress(const char *name, void **function, int version, unsigned long long flags)
{
    return cuGetProcAddress_v2(name, function, version, flags, NULL);
}
