/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A cube with a picture on each face.
 */
#ifndef _SAMPLES_CUBE_H
#define _SAMPLES_CUBE_H

/* Needs a current context. Creates the texture, and leaves it bound. */
int cube_init(unsigned int width, unsigned int height);
/* @seconds since the start say how far the cube has turned. */
void cube_draw(float seconds);

#endif /* _SAMPLES_CUBE_H */
