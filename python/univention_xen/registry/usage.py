# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""The text of `ucr --help`."""

TEXT = """\
Usage: univention-config-registry [options] <action> [options] [parameters]
       ucr [options] <action> [options] [parameters]

Read and set the variables that the configuration files of this machine are made from.

Options:
  -h | -? | --help              show this text
  -v | --version                show the version
  --root DIR                    work on the machine below DIR (also: environment variable UCR_ROOT)
  --debug                       show where in the code an error comes from
  --sort                        sort the output by name
  --keys-only                   show only the names of variables (dump, search)
  --shell                       show assignments for a shell (dump, search, get)

Actions:
  set [--force|--schedule|--ldap-policy] [--ignore-check] NAME=VALUE ...
                                set variables and make the files again that use them;
                                NAME?VALUE sets only what is not set yet;
                                --ignore-check only warns about values of the wrong type
  unset [--force|--schedule|--ldap-policy] NAME ...
                                remove variables
  get NAME                      print the value of a variable
  dump                          print all variables that are set
  search [--key|--value|--all] [--category CATEGORY] [--brief|--verbose] [--non-empty] [REGEXP ...]
                                print variables, set or described, by their names (--key, the default),
                                their values, or both and their descriptions (--all)
  info NAME ...                 print everything that is known about variables
  shell [NAME ...]              the same as --shell search --brief '^NAME$'
  commit [FILE ...]             make the given files again, or all, and run all handlers
  register PACKAGE              use the templates of a package
  unregister PACKAGE            stop using them and bring the original files back
  update                        read the registrations of all packages again
  filter [--disallow-execution] make a file of the template on standard input

Exit status: 0 done, 1 something failed or the call was wrong, 2 a value is not of its variable's type.
"""
