/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A picture that both the camera and the display take.
 */
#ifndef _SAMPLES_NEGOTIATE_H
#define _SAMPLES_NEGOTIATE_H

#include "camera.h"
#include "display.h"
#include "options.h"

/* Sets the format of the camera and the mode of the display. */
int negotiate(struct camera *cam, struct display *d, const struct options *options);

#endif /* _SAMPLES_NEGOTIATE_H */
