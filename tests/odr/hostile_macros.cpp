// Every header after macros that systems and libraries our users include are known to define. What our headers include
// from elsewhere comes first: it is not ours to protect.
#include "foreign_headers.hpp"

#define I (__extension__ 1.0iF)              // <complex.h>
#define B0 0000000                           // <termios.h>
#define major(device) gnu_dev_major(device)  // <sys/sysmacros.h>
#define minor(device) gnu_dev_minor(device)
#define _B 0100  // newlib's <ctype.h>
#define _C 0040
#define _L 0002
#define _N 0004
#define _P 0020
#define _S 0010
#define _U 0001
#define _X 0200
#define P(x) (x)    // K&R prototypes, zlib's and others' relatives
#define small char  // <windows.h>
#define near
#define far
#define interface struct
#define ERROR 0
#define IN
#define OUT
#define check(assertion)  // <AssertMacros.h> of macOS
#define None 0L           // <X11/X.h>
#define Bool int
#define Success 0
#define Always 2
#define Unsorted 0
#define signals public  // Qt
#define slots
#define emit
#define foreach(variable, container) for (variable : container)
#define CHECK(condition)  // glog, test frameworks
#define LOG(severity)
#define INFO 0
#define DEBUG 1  // compile lines
#define VERSION "1.0"
#define OVERFLOW 3  // <math.h>, System V
#define UNDERFLOW 4
#define DOMAIN 1
#include "all_headers.hpp"

const void* version_seen_by_hostile_macros();
const void* version_seen_by_hostile_macros() { return &calibrant::version; }
