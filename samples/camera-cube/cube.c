// SPDX-License-Identifier: GPL-2.0
/*
 * A cube with a picture on each face. Plain OpenGL ES 2, but for the sampler: an image of
 * another device is read by samplerExternalOES, which converts YUV to RGB by itself.
 */

#include <math.h>
#include <stddef.h>

#include <GLES2/gl2.h>
#include <GLES2/gl2ext.h>

#include "common.h"
#include "cube.h"

static const char vertex_shader[] =
	"attribute vec3 position;\n"
	"attribute vec3 normal;\n"
	"attribute vec2 corner;\n"
	"uniform mat3 rotation;\n"
	"uniform vec2 lens;\n"
	"varying vec2 where;\n"
	"varying float light;\n"
	"void main() {\n"
	"	vec3 p = rotation * position - vec3(0.0, 0.0, 5.0);\n"
	"	where = corner;\n"
	"	light = 0.7 + 0.3 * (rotation * normal).z;\n"
	/* near plane 1, far plane 10 */
	"	gl_Position = vec4(p.xy * lens, -(11.0 * p.z + 20.0) / 9.0, -p.z);\n"
	"}\n";

static const char fragment_shader[] =
	"#extension GL_OES_EGL_image_external : require\n"
	"precision mediump float;\n"
	"uniform samplerExternalOES picture;\n"
	"varying vec2 where;\n"
	"varying float light;\n"
	"void main() {\n"
	"	gl_FragColor = vec4(texture2D(picture, where).rgb * light, 1.0);\n"
	"}\n";

enum { POSITION, NORMAL, CORNER };

static GLint rotation_uniform;

/*
 * Four corners of each face as a strip, seen from outside counter-clockwise. The first
 * row of a picture is the upper one.
 */
#define FACE(nx, ny, nz, ...)	{ { nx, ny, nz }, { __VA_ARGS__ } }
static const struct {
	GLfloat normal[3];
	GLfloat positions[12];
} faces[] = {
	FACE(0, 0, 1,	-1, -1, 1,  1, -1, 1,  -1, 1, 1,  1, 1, 1),
	FACE(1, 0, 0,	1, -1, 1,  1, -1, -1,  1, 1, 1,  1, 1, -1),
	FACE(0, 0, -1,	1, -1, -1,  -1, -1, -1,  1, 1, -1,  -1, 1, -1),
	FACE(-1, 0, 0,	-1, -1, -1,  -1, -1, 1,  -1, 1, -1,  -1, 1, 1),
	FACE(0, 1, 0,	-1, 1, 1,  1, 1, 1,  -1, 1, -1,  1, 1, -1),
	FACE(0, -1, 0,	-1, -1, -1,  1, -1, -1,  -1, -1, 1,  1, -1, 1),
};

static const GLfloat corners[] = { 0, 1,  1, 1,  0, 0,  1, 0 };

static GLuint compile(GLuint program, GLenum type, const char *source)
{
	GLuint shader = glCreateShader(type);

	glShaderSource(shader, 1, &source, NULL);
	glCompileShader(shader);
	glAttachShader(program, shader);
	return shader;
}

int cube_init(unsigned int width, unsigned int height)
{
	GLuint program = glCreateProgram();
	char log[500] = "";
	GLuint texture;
	GLint linked;

	compile(program, GL_VERTEX_SHADER, vertex_shader);
	compile(program, GL_FRAGMENT_SHADER, fragment_shader);
	glBindAttribLocation(program, POSITION, "position");
	glBindAttribLocation(program, NORMAL, "normal");
	glBindAttribLocation(program, CORNER, "corner");
	glLinkProgram(program);
	glGetProgramiv(program, GL_LINK_STATUS, &linked);
	glGetProgramInfoLog(program, sizeof(log), NULL, log);
	if (!linked)
		return complain("Install a newer Mesa.",
				"The GL driver does not take the shaders: %s.", log);
	glUseProgram(program);
	rotation_uniform = glGetUniformLocation(program, "rotation");
	/* as wide as high, on every screen */
	glUniform2f(glGetUniformLocation(program, "lens"), 2.5f * height / width, 2.5f);

	glGenTextures(1, &texture);
	glBindTexture(GL_TEXTURE_EXTERNAL_OES, texture);
	glTexParameteri(GL_TEXTURE_EXTERNAL_OES, GL_TEXTURE_MIN_FILTER, GL_LINEAR);
	glTexParameteri(GL_TEXTURE_EXTERNAL_OES, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
	glTexParameteri(GL_TEXTURE_EXTERNAL_OES, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
	glTexParameteri(GL_TEXTURE_EXTERNAL_OES, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);

	glVertexAttribPointer(CORNER, 2, GL_FLOAT, GL_FALSE, 0, corners);
	glEnableVertexAttribArray(CORNER);
	glEnableVertexAttribArray(POSITION);
	glViewport(0, 0, width, height);
	glClearColor(0.25f, 0.25f, 0.25f, 1);
	/* A cube is convex: without the faces that look away, nothing hides another. */
	glEnable(GL_CULL_FACE);
	return 0;
}

void cube_draw(float seconds)
{
	/* around the y axis, then tilted around the x axis */
	float a = seconds * 0.6f, b = 0.5f + 0.2f * sinf(seconds * 0.4f);
	GLfloat rotation[9] = {
		cosf(a), sinf(a) * sinf(b), -sinf(a) * cosf(b),
		0, cosf(b), sinf(b),
		sinf(a), -cosf(a) * sinf(b), cosf(a) * cosf(b),
	};
	unsigned int i;

	glUniformMatrix3fv(rotation_uniform, 1, GL_FALSE, rotation);
	glClear(GL_COLOR_BUFFER_BIT);
	for (i = 0; i < ARRAY_SIZE(faces); i++) {
		glVertexAttrib3fv(NORMAL, faces[i].normal);
		glVertexAttribPointer(POSITION, 3, GL_FLOAT, GL_FALSE, 0, faces[i].positions);
		glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
	}
}
