#include "WebResources.h"
