CREATE DATABASE IF NOT EXISTS signals COMMENT 'Views for people and dashboards'
