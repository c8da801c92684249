// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the colours of pixels of a PNG.
 *
 * usage: pixels FILE.png X,Y...
 *
 * One line for each: red, green and blue from 0 to 255. A negative X or Y counts from the
 * right or lower end. Exit status: 0, 1 if the picture cannot be read or has no such pixel,
 * 2 if the command line is wrong.
 */

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	png_bytep pixels;
	int i, x, y;

	if (argc < 3) {
		fprintf(stderr, "usage: pixels FILE.png X,Y...\n");
		return 2;
	}
	if (!png_image_begin_read_from_file(&image, argv[1])) {
		fprintf(stderr, "%s: %s\n", argv[1], image.message);
		return 1;
	}
	image.format = PNG_FORMAT_RGB;
	pixels = malloc(PNG_IMAGE_SIZE(image));
	if (!pixels || !png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
		fprintf(stderr, "%s: %s\n", argv[1], image.message);
		return 1;
	}
	for (i = 2; i < argc; i++) {
		png_bytep pixel;

		if (sscanf(argv[i], "%d,%d", &x, &y) != 2) {
			fprintf(stderr, "'%s' is no X,Y.\n", argv[i]);
			return 2;
		}
		x += x < 0 ? (int)image.width : 0;
		y += y < 0 ? (int)image.height : 0;
		if (x < 0 || y < 0 || x >= (int)image.width || y >= (int)image.height) {
			fprintf(stderr, "%s has %ux%u pixels, there is no %s.\n", argv[1],
				image.width, image.height, argv[i]);
			return 1;
		}
		pixel = pixels + 3 * (y * image.width + x);
		printf("%d %d %d\n", pixel[0], pixel[1], pixel[2]);
	}
	free(pixels);
	return 0;
}
