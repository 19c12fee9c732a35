#pragma once

// Every optimizer, schedule and clipping.
#include "optim/adam.h"
#include "optim/adamw.h"
#include "optim/clip.h"
#include "optim/composite.h"
#include "optim/factory.h"
#include "optim/lamb.h"
#include "optim/lars.h"
#include "optim/muon.h"
#include "optim/schedule.h"
#include "optim/sgd.h"
